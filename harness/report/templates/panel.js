// The selected message: what it says, its fields, and their bytes.

const HEX_LINE = 16;
const HEX_HEIGHT = 17;
const OPEN_CHILDREN_MAX = 24;

class Panel {
  constructor(store, goTo, onClose) {
    this.store = store;
    this.goTo = goTo;
    this.onClose = onClose;
    this.root = document.getElementById("panel");
    this.message = -1;
  }

  get isOpen() {
    return !this.root.hidden;
  }

  close() {
    if (!this.isOpen) return;
    this.root.hidden = true;
    this.message = -1;
    document.body.classList.remove("with-panel");
    this.onClose();
  }

  async show(message) {
    this.message = message;
    this.root.hidden = false;
    document.body.classList.add("with-panel");
    const detail = await this.store.detail(message);
    // Another one may have been selected meanwhile.
    if (this.message !== message) return;
    this.root.replaceChildren(this.resizer(), this.head(message), ...this.parts(message, detail));
    this.root.dataset.message = String(this.store.number[message]);
  }

  parts(i, detail) {
    const scrolled = element("div", "panel-scroll");
    scrolled.append(this.says(i), this.facts(i, detail), this.copies(i));
    if (detail === null) {
      scrolled.append(element("p", "none", "Fields and bytes of this message are not in this page, to keep it small. They are in the capture and in trace.jsonl."));
      return [scrolled];
    }
    const bytes = Uint8Array.from(detail.bytes.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    const hex = bytes.length ? new Hex(bytes, this.store.size[i]) : null;
    if (detail.contents.length) {
      scrolled.append(this.section("Contents", new Tree(detail.contents, null, "Contents").root));
    }
    if (detail.fields.length) {
      const tree = new Tree(detail.fields, hex, "Fields");
      if (hex) hex.onPick = (offset) => tree.pick(offset);
      scrolled.append(this.section("Fields", tree.root));
    }
    // The bytes stay in sight, whichever field is chosen above them.
    return hex ? [scrolled, hex.root] : [scrolled];
  }

  section(title, content) {
    const made = element("section");
    made.append(element("h3", "", title), content);
    return made;
  }

  head(i) {
    const { store } = this;
    const made = element("header", `hue-${store.hueOf(i)}`);
    const title = element("h2");
    title.append(element("b", "", store.labelOf(i)), element("span", "", ` ${store.kindOf(i).replace("_", " ")}`));
    const ends = element("p", "ends", `${store.lanes[store.from[i]].name} → ${store.lanes[store.to[i]].name}`);
    const close = element("button", "close", "×");
    close.type = "button";
    close.title = "Close (Esc)";
    close.setAttribute("aria-label", "Close the panel");
    close.addEventListener("click", () => this.close());
    made.append(title, ends, close);
    return made;
  }

  says(i) {
    return element("p", "says-all", this.store.text[i]);
  }

  facts(i, detail) {
    const { store } = this;
    const made = element("dl", "facts");
    const add = (name, ...content) => {
      const line = element("div");
      const value = element("dd");
      value.append(...content);
      line.append(element("dt", "", name), value);
      made.append(line);
    };
    add("message", `#${store.number[i].toLocaleString("en")}`);
    const first = store.frame[i] - store.frames[i] + 1;
    add(store.frames[i] > 1 ? "packets" : "packet", store.frames[i] > 1 ? `${first} to ${store.frame[i]}` : String(first));
    add("time", secondsText(store.time[i]));
    if (store.answers[i] >= 0) {
      add("answers", this.link(store.answers[i]), ` after ${durationText(store.latencyNs(i))}`);
    }
    const answers = store.answered.get(i) ?? [];
    answers.slice(0, 12).forEach((answer) => {
      add("answered by", this.link(answer), ` after ${durationText(store.latencyNs(answer))}`);
    });
    if (store.kindOf(i) === "request" && !answers.length) add("answered by", element("span", "bad", "nothing in this capture"));
    for (const [name, value] of detail?.facts ?? []) add(name, value);
    add("payload", counted(store.size[i], "byte"));
    const connection = store.connections[store.connection[i]];
    const ends = [connection.client, connection.server].map(([address, port]) => `${address}:${port}`);
    add("connection", `${connection.number}: ${ends.join(" to ")}${connection.facts ? `, ${connection.facts}` : ""}`);
    const statement = store.statementOf.get(store.statement[i]);
    if (statement) {
      add("statement", this.link(statement.request, String(statement.number)), store.state[i] & 1 ? " in the background" : "");
    }
    if (store.mark[i] >= 0) {
      const verdict = store.verdicts[store.mark[i]];
      add("verdict", element("span", `outcome ${verdict.outcome.toLowerCase()}`, verdict.outcome), ` ${verdict.name}`);
    }
    return made;
  }

  link(i, name) {
    const { store } = this;
    const made = element("button", `link hue-${store.hueOf(i)}`, name ?? `${store.labelOf(i)} #${store.number[i]}`);
    made.type = "button";
    made.addEventListener("click", () => this.goTo(i));
    return made;
  }

  // What Wireshark understands, to be copied.
  copies(i) {
    const { store } = this;
    const made = element("div", "copies");
    made.append(element("span", "hint", "Copy for Wireshark:"));
    const exchange = store.exchangeOf(i);
    const packets = (messages) => {
      const frames = [...new Set(messages.map((one) => store.frame[one]))];
      return frames.length === 1 ? `frame.number == ${frames[0]}` : `frame.number in {${frames.join(" ")}}`;
    };
    const first = store.frame[i] - store.frames[i] + 1;
    const own = store.frames[i] > 1 ? `frame.number >= ${first} and frame.number <= ${store.frame[i]}` : packets([i]);
    made.append(copyButton("message", own));
    if (exchange.length > 1) made.append(copyButton("exchange", packets(exchange)));
    const [client, server] = [store.connections[store.connection[i]].client, store.connections[store.connection[i]].server];
    const ip = client[0].includes(":") ? "ipv6" : "ip";
    made.append(copyButton("connection", `${ip}.addr == ${client[0]} and tcp.port == ${client[1]} and ${ip}.addr == ${server[0]} and tcp.port == ${server[1]}`));
    return made;
  }

  resizer() {
    const made = element("div", "resizer");
    made.addEventListener("pointerdown", (event) => {
      made.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    made.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      const width = Math.min(window.innerWidth - 320, Math.max(340, window.innerWidth - event.clientX));
      document.documentElement.style.setProperty("--panel", `${width}px`);
    });
    return made;
  }
}

function copyButton(name, text) {
  const made = element("button", "copy", name);
  made.type = "button";
  made.title = text;
  made.dataset.copies = text;
  made.addEventListener("click", async () => {
    const isCopied = await copyText(text);
    made.textContent = isCopied ? "copied" : "select it:";
    if (!isCopied) window.prompt("Display filter", text);
    setTimeout(() => { made.textContent = name; }, 1200);
  });
  return made;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Some browsers keep the clipboard from pages in files; the old way still works there.
    const area = document.body.appendChild(element("textarea", "offscreen", text));
    area.value = text;
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

// Fields inside fields. Choosing one marks its bytes; a field without a place of its own marks what it is in.
class Tree {
  constructor(nodes, hex, name) {
    this.hex = hex;
    this.root = element("ul", "tree");
    this.root.setAttribute("role", "tree");
    this.root.setAttribute("aria-label", name);
    this.items = [];
    this.chosen = null;
    for (const node of nodes) this.root.append(this.item(node, null, 1));
    const first = this.root.querySelector("[role=treeitem]");
    if (first) first.tabIndex = 0;
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  item(node, parent, level) {
    const [name, text = "", note = "", start = -1, end = -1, children = []] = node;
    const made = element("li");
    made.setAttribute("role", "treeitem");
    made.setAttribute("aria-level", level);
    made.setAttribute("aria-selected", "false");
    made.tabIndex = -1;
    const data = { made, parent, start, end, children, level, list: null };
    this.items.push(data);
    made.field = data;
    const line = element("div", "field");
    const twist = element("span", "twist", children.length ? "▸" : "");
    line.append(twist, element("span", "name", name));
    if (text) line.append(element("span", "value", text));
    else if (children.length) line.append(element("span", "preview", previewOf(children)));
    if (note) line.append(element("span", "note", note));
    made.append(line);
    if (children.length) this.setOpen(data, level < 2 || children.length <= OPEN_CHILDREN_MAX);
    line.addEventListener("click", (event) => {
      if (event.target === twist) this.setOpen(data, data.made.getAttribute("aria-expanded") !== "true");
      else this.choose(data);
    });
    line.addEventListener("dblclick", () => {
      if (data.children.length) this.setOpen(data, data.made.getAttribute("aria-expanded") !== "true");
    });
    return made;
  }

  setOpen(data, isOpen) {
    data.made.setAttribute("aria-expanded", isOpen);
    data.made.querySelector(".twist").textContent = isOpen ? "▾" : "▸";
    if (isOpen && data.list === null) {
      data.list = element("ul");
      data.list.setAttribute("role", "group");
      for (const child of data.children) data.list.append(this.item(child, data, data.level + 1));
      data.made.append(data.list);
    }
    if (data.list) data.list.hidden = !isOpen;
  }

  choose(data) {
    this.chosen?.made.setAttribute("aria-selected", "false");
    this.chosen = data;
    data.made.setAttribute("aria-selected", "true");
    for (const one of this.items) one.made.tabIndex = -1;
    data.made.tabIndex = 0;
    data.made.focus({ preventScroll: true });
    data.made.querySelector(".field").scrollIntoView({ block: "nearest" });
    let placed = data;
    while (placed !== null && placed.start < 0) placed = placed.parent;
    if (placed) this.hex?.mark(placed.start, placed.end);
  }

  // The innermost field that holds a byte.
  pick(offset) {
    let best = null;
    let found = true;
    while (found) {
      found = false;
      for (const data of [...this.items]) {
        if (data.start > offset || data.end <= offset || data.start < 0) continue;
        const isInner = best === null || data.end - data.start < best.end - best.start || data.level > best.level;
        if (data !== best && isInner) {
          best = data;
          found = true;
          if (data.children.length) this.setOpen(data, true);
        }
      }
    }
    if (best) {
      for (let outer = best.parent; outer; outer = outer.parent) this.setOpen(outer, true);
      this.choose(best);
    }
  }

  key(event) {
    const current = event.target.field;
    if (!current) return;
    const shown = [...this.root.querySelectorAll("[role=treeitem]")].filter((one) => one.offsetParent !== null);
    const place = shown.indexOf(current.made);
    const isOpen = current.made.getAttribute("aria-expanded") === "true";
    const keys = {
      ArrowDown: () => shown[place + 1] && this.choose(shown[place + 1].field),
      ArrowUp: () => shown[place - 1] && this.choose(shown[place - 1].field),
      ArrowRight: () => {
        if (current.children.length && !isOpen) this.setOpen(current, true);
        else if (current.children.length) this.choose(shown[place + 1].field);
      },
      ArrowLeft: () => {
        if (isOpen) this.setOpen(current, false);
        else if (current.parent) this.choose(current.parent);
      },
      Enter: () => this.choose(current),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }
}

function previewOf(children) {
  const parts = [];
  for (const [name, text] of children) {
    if (text) parts.push(`${name} ${text}`);
    if (parts.join(", ").length > 80) break;
  }
  return parts.join(", ").slice(0, 90);
}

// A hex dump of which only the lines in view are in the document.
class Hex {
  constructor(bytes, size) {
    this.bytes = bytes;
    this.start = -1;
    this.end = -1;
    this.onPick = null;
    this.root = element("div", "hex-box");
    this.view = element("div", "hex");
    this.view.tabIndex = 0;
    this.view.setAttribute("role", "img");
    this.view.setAttribute("aria-label", `Hex dump of ${counted(bytes.length, "byte")}`);
    this.lines = element("div", "hex-lines");
    this.lineCount = Math.ceil(bytes.length / HEX_LINE);
    this.lines.style.height = `${this.lineCount * HEX_HEIGHT}px`;
    this.view.append(this.lines);
    this.root.append(this.view);
    this.caption = element("p", "hint");
    this.root.append(this.caption);
    this.cut = size > bytes.length ? `The first ${bytes.length.toLocaleString("en")} of ${size.toLocaleString("en")} bytes; the others are in the capture. ` : "";
    this.view.addEventListener("scroll", () => this.draw());
    this.view.addEventListener("click", (event) => {
      const byte = event.target.closest("[data-at]");
      if (byte) this.onPick?.(Number(byte.dataset.at));
    });
    new ResizeObserver(() => this.draw()).observe(this.view);
    this.say();
  }

  say() {
    const span = this.start < 0 ? "" : `Bytes ${this.start} to ${this.end - 1} (${counted(this.end - this.start, "byte")}) are marked.`;
    this.caption.textContent = this.cut + (span || "Choose a field to see its bytes, or a byte to see its field.");
  }

  mark(start, end) {
    this.start = start;
    this.end = end;
    const top = Math.floor(start / HEX_LINE) * HEX_HEIGHT;
    const bottom = (Math.floor((end - 1) / HEX_LINE) + 1) * HEX_HEIGHT;
    if (top < this.view.scrollTop || bottom > this.view.scrollTop + this.view.clientHeight) {
      this.view.scrollTop = Math.max(0, top - 2 * HEX_HEIGHT);
    }
    this.say();
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.view.scrollTop / HEX_HEIGHT) - 2);
    const last = Math.min(this.lineCount, first + Math.ceil(this.view.clientHeight / HEX_HEIGHT) + 4);
    const made = [];
    for (let line = first; line < last; line++) made.push(this.line(line));
    this.lines.replaceChildren(...made);
  }

  line(number) {
    const made = element("div", "hex-line");
    made.style.top = `${number * HEX_HEIGHT}px`;
    made.append(element("span", "offset", (number * HEX_LINE).toString(16).padStart(4, "0")));
    const hex = element("span", "hex-bytes");
    const text = element("span", "hex-text");
    for (let at = number * HEX_LINE; at < Math.min(this.bytes.length, (number + 1) * HEX_LINE); at++) {
      const byte = this.bytes[at];
      const className = at >= this.start && at < this.end ? "on" : "";
      const pair = element("b", className, byte.toString(16).padStart(2, "0"));
      const character = element("b", className, byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·");
      pair.dataset.at = at;
      character.dataset.at = at;
      hex.append(pair);
      text.append(character);
    }
    made.append(hex, text);
    return made;
  }
}
