// The filter's language: words, conditions such as verb=MUTATION, and, or, not, parentheses.

class FilterError extends Error {}

const COMPARISONS = ["===", "==", "!=", ">=", "<=", "=", ">", "<", "~"];
const WORD_COMPARISONS = {
  eq: "==", ne: "!=", gt: ">", lt: "<", ge: ">=", le: "<=", contains: "contains", matches: "~", in: "in",
};

function tokensOf(text) {
  const tokens = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const space = /^\s+/.exec(rest);
    if (space) {
      at += space[0].length;
      continue;
    }
    const quoted = /^"((?:[^"\\]|\\.)*)"|^'((?:[^'\\]|\\.)*)'/.exec(rest);
    if (quoted) {
      const value = (quoted[1] ?? quoted[2]).replace(/\\(.)/g, "$1");
      tokens.push({ kind: "quoted", value });
      at += quoted[0].length;
      continue;
    }
    if (rest[0] === '"' || rest[0] === "'") throw new FilterError("a quotation mark is not closed");
    const joint = /^(&&|\|\||[(){},]|!(?!=))/.exec(rest);
    if (joint) {
      const same = { "&&": "and", "||": "or", "!": "not" };
      tokens.push({ kind: "joint", value: same[joint[0]] ?? joint[0] });
      at += joint[0].length;
      continue;
    }
    const comparison = COMPARISONS.find((one) => rest.startsWith(one));
    if (comparison) {
      tokens.push({ kind: "comparison", value: comparison.replace(/^={1,3}$/, "==") });
      at += comparison.length;
      continue;
    }
    const word = /^[^\s(){},"'=<>!~&|]+|^[&|]/.exec(rest)[0];
    const lower = word.toLowerCase();
    if (["and", "or", "not"].includes(lower)) tokens.push({ kind: "joint", value: lower });
    else tokens.push({ kind: "word", value: word });
    at += word.length;
  }
  return tokens;
}

// Each field gives all values that a message has for it.
function fieldsOf(store) {
  const names = (lane) => [lane.name, lane.address];
  const sender = (i) => names(store.lanes[store.from[i]]);
  const receiver = (i) => names(store.lanes[store.to[i]]);
  const both = (i) => [...sender(i), ...receiver(i)];
  const verb = (i) => store.labels[store.label[i]].filter((value) => value !== null);
  const frame = (i) => [store.frame[i]];
  const tables = (i) => store.tables[store.table[i]].flatMap((name) => [name, name.split(".").pop()]);
  const keyspaces = (i) => store.tables[store.table[i]].map((name) => name.split(".")[0]);
  const latency = (i) => (store.answers[i] < 0 ? [] : [store.latencyNs(i) / 1e6]);
  const time = (i) => [store.time[i] / 1e9];
  const protocol = (i) => [store.connections[store.connection[i]].protocol];
  const connection = (i) => [store.connections[store.connection[i]].number];
  return {
    verb, "scylla.verb": verb, "cql.opcode": verb, opcode: verb,
    node: both, sender, receiver, from: sender, to: receiver,
    "ip.addr": both, "ip.src": sender, "ip.dst": receiver,
    table: tables, keyspace: keyspaces,
    kind: (i) => [store.kindOf(i)],
    statement: (i) => (store.statement[i] ? [store.statement[i]] : []),
    family: (i) => [store.hues[store.hue[i]].name],
    protocol,
    frame, "frame.number": frame, packet: frame,
    number: (i) => [store.number[i]],
    size: (i) => [store.size[i]], "scylla.len": (i) => [store.size[i]],
    latency_ms: latency,
    time_s: time, "frame.time_relative": time,
    connection, "tcp.stream": connection,
    text: (i) => [store.text[i]],
  };
}

function flagsOf(store) {
  const protocol = (i) => store.connections[store.connection[i]].protocol;
  return {
    background: (i) => (store.state[i] & 1) !== 0,
    failure: (i) => (store.state[i] & 2) !== 0,
    undecoded: (i) => (store.state[i] & 4) !== 0,
    marked: (i) => store.mark[i] >= 0,
    noise: (i) => store.noise[i] !== 0,
    unanswered: (i) => store.kindOf(i) === "request" && !store.answered.has(i),
    scylla: (i) => protocol(i) === "rpc",
    rpc: (i) => protocol(i) === "rpc",
    cql: (i) => protocol(i) === "cql",
  };
}

// Make a function from an index to whether the message is meant; an empty text gives null.
function compileFilter(text, store) {
  const tokens = tokensOf(text);
  if (!tokens.length) return null;
  const fields = fieldsOf(store);
  const flags = flagsOf(store);
  let at = 0;
  const peek = (kind, value) => {
    const token = tokens[at];
    return token !== undefined && token.kind === kind && (value === undefined || token.value === value);
  };

  function either() {
    const parts = [all()];
    while (peek("joint", "or")) {
      at++;
      parts.push(all());
    }
    return parts.length === 1 ? parts[0] : (i) => parts.some((part) => part(i));
  }

  function all() {
    const parts = [one()];
    while (at < tokens.length && !peek("joint", "or") && !peek("joint", ")")) {
      if (peek("joint", "and")) at++;
      parts.push(one());
    }
    return parts.length === 1 ? parts[0] : (i) => parts.every((part) => part(i));
  }

  function one() {
    if (at >= tokens.length) throw new FilterError("something is missing at the end");
    if (peek("joint", "not")) {
      at++;
      const inner = one();
      return (i) => !inner(i);
    }
    if (peek("joint", "(")) {
      at++;
      const inner = either();
      if (!peek("joint", ")")) throw new FilterError("a parenthesis is not closed");
      at++;
      return inner;
    }
    const token = tokens[at];
    if (token.kind === "joint" || token.kind === "comparison") {
      throw new FilterError(`${token.value} stands where a word or a field is expected`);
    }
    at++;
    if (token.kind === "word") {
      const next = tokens[at];
      const byWord = next?.kind === "word" && token.value in fields ? WORD_COMPARISONS[next.value.toLowerCase()] : undefined;
      if (next?.kind === "comparison" || byWord) {
        at++;
        return condition(token.value, byWord ?? next.value);
      }
      const flag = flags[token.value.toLowerCase()];
      if (flag) return flag;
    }
    const needle = token.value.toLowerCase();
    return (i) => store.haystack(i).includes(needle);
  }

  function value(name) {
    const token = tokens[at];
    if (token === undefined || (token.kind !== "word" && token.kind !== "quoted")) {
      throw new FilterError(`a value is missing behind ${name}`);
    }
    at++;
    return token.value;
  }

  function condition(name, operator) {
    const values = fields[name] ?? fields[name.toLowerCase()];
    if (!values) {
      throw new FilterError(`${name} is no field; there are ${Object.keys(fields).filter((one) => !one.includes(".")).join(", ")}`);
    }
    if (operator === "in") {
      const wanted = new Set();
      if (!peek("joint", "{")) throw new FilterError("in is followed by values in braces");
      at++;
      while (!peek("joint", "}")) {
        if (peek("joint", ",")) at++;
        else wanted.add(value(name).toLowerCase());
      }
      at++;
      return (i) => values(i).some((one) => wanted.has(String(one).toLowerCase()));
    }
    const wanted = value(name);
    const lower = wanted.toLowerCase();
    switch (operator) {
      case "==": {
        const number = Number(wanted);
        const same = (one) => (typeof one === "number" ? one === number : one.toLowerCase() === lower);
        return (i) => values(i).some(same);
      }
      case "!=": {
        const number = Number(wanted);
        const same = (one) => (typeof one === "number" ? one === number : one.toLowerCase() === lower);
        return (i) => !values(i).some(same);
      }
      case "contains":
        return (i) => values(i).some((one) => String(one).toLowerCase().includes(lower));
      case "~": {
        let pattern;
        try {
          pattern = new RegExp(wanted, "i");
        } catch (error) {
          throw new FilterError(error.message);
        }
        return (i) => values(i).some((one) => pattern.test(String(one)));
      }
      default: {
        const bound = Number(wanted);
        if (Number.isNaN(bound)) throw new FilterError(`${name} ${operator} needs a number, not ${wanted}`);
        const fits = {
          ">": (one) => one > bound, "<": (one) => one < bound,
          ">=": (one) => one >= bound, "<=": (one) => one <= bound,
        }[operator];
        return (i) => values(i).some((one) => typeof one === "number" && fits(one));
      }
    }
  }

  const meant = either();
  if (at < tokens.length) throw new FilterError(`${tokens[at].value} is too much`);
  return meant;
}
