// What the page was given: columns of messages, and details that are unpacked when they are asked for.

async function readData(id) {
  const element = document.getElementById(id);
  if (!("packed" in element.dataset)) return JSON.parse(element.textContent);
  const packed = Uint8Array.from(atob(element.textContent), (character) => character.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(unpacked).text());
}

function sums(differences, type) {
  const values = new type(differences.length);
  let value = 0;
  for (let i = 0; i < differences.length; i++) {
    value += differences[i];
    values[i] = value;
  }
  return values;
}

class Store {
  constructor(data) {
    const columns = data.messages;
    this.lanes = data.lanes;
    this.hues = data.hues;
    this.noiseNames = data.noises;
    this.kinds = data.kinds;
    this.labels = data.labels;
    this.tables = data.tables;
    this.connections = data.connections;
    this.statements = data.statements;
    this.sections = data.sections;
    this.verdicts = data.verdicts;
    this.count = columns.number.length;
    this.number = sums(columns.number, Int32Array);
    // Nanoseconds since the first packet; a double is exact for 104 days of them.
    this.time = sums(columns.time, Float64Array);
    this.frame = sums(columns.frame, Int32Array);
    this.frames = columns.frames;
    this.from = Uint16Array.from(columns.from);
    this.to = Uint16Array.from(columns.to);
    this.label = Uint16Array.from(columns.label);
    this.kind = Uint8Array.from(columns.kind);
    this.hue = Uint8Array.from(columns.hue);
    this.noise = Uint8Array.from(columns.noise);
    this.connection = Uint32Array.from(columns.connection);
    this.statement = columns.statement;
    this.size = columns.size;
    this.table = columns.tables;
    this.state = Uint8Array.from(columns.state);
    this.text = columns.text;
    this.answers = new Int32Array(this.count);
    this.answered = new Map();
    for (let i = 0; i < this.count; i++) {
      const request = columns.answers[i] ? i - columns.answers[i] : -1;
      this.answers[i] = request;
      if (request < 0) continue;
      const answers = this.answered.get(request);
      if (answers) answers.push(i);
      else this.answered.set(request, [i]);
    }
    this.statementOf = new Map(this.statements.map((statement) => [statement.number, statement]));
    this.sectionOf = new Int32Array(this.count).fill(-1);
    this.sections.forEach((section, number) => {
      const next = this.sections[number + 1];
      this.sectionOf.fill(number, section.first, next ? next.first : this.count);
    });
    this.mark = new Int16Array(this.count).fill(-1);
    this.verdicts.forEach((verdict, number) => {
      for (const i of verdict.messages) {
        if (this.mark[i] < 0 || verdict.outcome !== "PASS") this.mark[i] = number;
      }
    });
    this.marked = [...this.mark.keys()].filter((i) => this.mark[i] >= 0);
    this.chunk = data.details.chunk;
    this.placeOfDetail = null;
    if (data.details.messages) {
      const detailed = sums(data.details.messages, Int32Array);
      this.placeOfDetail = new Map(Array.from(detailed, (message, place) => [message, place]));
    }
    this.chunks = new Map();
    this.haystacks = new Array(this.count);
  }

  labelOf(i) {
    return this.labels[this.label[i]][0];
  }

  kindOf(i) {
    return this.kinds[this.kind[i]];
  }

  hueOf(i) {
    return this.hues[this.hue[i]].key;
  }

  isAnswer(i) {
    return this.answers[i] >= 0 || ["reply", "exception"].includes(this.kindOf(i));
  }

  // A request and all that answers it, whichever of them is given.
  exchangeOf(i) {
    const request = this.answers[i] >= 0 ? this.answers[i] : i;
    return [request, ...(this.answered.get(request) ?? [])];
  }

  latencyNs(i) {
    return this.answers[i] < 0 ? null : this.time[i] - this.time[this.answers[i]];
  }

  haystack(i) {
    let text = this.haystacks[i];
    if (text === undefined) {
      const ends = `${this.lanes[this.from[i]].name} ${this.lanes[this.to[i]].name}`;
      text = `${this.labelOf(i)} ${ends} ${this.text[i]}`.toLowerCase();
      this.haystacks[i] = text;
    }
    return text;
  }

  // Fields and bytes; null if this page was made without those of the message.
  async detail(i) {
    const place = this.placeOfDetail ? this.placeOfDetail.get(i) : i;
    if (place === undefined) return null;
    const number = Math.floor(place / this.chunk);
    if (!this.chunks.has(number)) this.chunks.set(number, readData(`details-${number}`));
    return (await this.chunks.get(number))[place % this.chunk];
  }
}

function durationText(ns) {
  const us = ns / 1e3;
  if (us < 1000) return `${us.toFixed(us < 100 ? 1 : 0)} µs`;
  if (us < 1e6) return `${(us / 1e3).toFixed(us < 1e5 ? 2 : 1)} ms`;
  return `${(us / 1e6).toFixed(2)} s`;
}

function secondsText(ns) {
  return `${(ns / 1e9).toFixed(6)} s`;
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
