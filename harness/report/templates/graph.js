// Draws the rows that are in view, and only those.

const OVERSCAN = 240;
const LANE_GAP_MIN = 64;
const LANE_GAP_MAX = 148;
const LANES_SIDE = 52;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

class Graph {
  constructor(store, rows, onSelect) {
    this.store = store;
    this.rows = rows;
    this.onSelect = onSelect;
    this.root = document.getElementById("graph");
    this.heads = document.getElementById("heads");
    this.bar = document.getElementById("bar");
    this.where = document.getElementById("where");
    this.drawn = new Map();
    this.selected = -1;
    this.hovered = -1;
    this.waiting = false;
    this.labelWidths = new Map();
    this.lines = store.lanes.map(() => this.root.appendChild(element("i", "lane")));
    this.hoverTie = this.root.appendChild(element("i", "tie hover"));
    this.selectTie = this.root.appendChild(element("i", "tie"));
    this.root.addEventListener("click", (event) => this.click(event));
    this.root.addEventListener("mouseover", (event) => this.hover(this.rowOfEvent(event)));
    this.root.addEventListener("mouseleave", () => this.hover(-1));
    window.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(document.getElementById("main"));
    new ResizeObserver(() => this.draw()).observe(document.querySelector("header.run"));
    this.measure();
  }

  // Columns for the width that there is.
  measure() {
    const lanes = this.store.lanes.length;
    const width = document.getElementById("main").clientWidth;
    const share = lanes > 1 ? (width * 0.52 - 2 * LANES_SIDE) / (lanes - 1) : LANE_GAP_MAX;
    this.laneGap = Math.min(LANE_GAP_MAX, Math.max(LANE_GAP_MIN, share));
    this.lanesWidth = 2 * LANES_SIDE + this.laneGap * Math.max(0, lanes - 1);
    document.documentElement.style.setProperty("--lanes", `${this.lanesWidth}px`);
    const style = getComputedStyle(document.documentElement);
    this.lanesLeft = parseFloat(style.getPropertyValue("--gutter")) + parseFloat(style.getPropertyValue("--time"));
    this.lines.forEach((line, lane) => {
      line.style.left = `${this.lanesLeft + this.laneX(lane)}px`;
    });
    this.drawHeads();
    this.refresh();
  }

  laneX(lane) {
    return LANES_SIDE + lane * this.laneGap;
  }

  drawHeads() {
    this.heads.replaceChildren();
    this.hasDatacenters = new Set(this.store.lanes.map((lane) => lane.datacenter).filter(Boolean)).size > 1;
    this.store.lanes.forEach((lane, index) => {
      const head = element("div", `head ${lane.kind}`);
      head.style.left = `${this.lanesLeft + this.laneX(index)}px`;
      head.style.width = `${Math.min(this.laneGap - 8, 132)}px`;
      head.append(element("b", "", lane.name));
      let below = lane.kind === "address" ? "unknown node" : lane.address;
      if ((this.hasDatacenters || below === lane.name) && lane.datacenter) below = `${lane.datacenter} · ${lane.rack}`;
      // Half an address says nothing; the whole one is in the title.
      if (this.laneGap >= 100) head.append(element("span", "", below));
      head.title = [lane.name, lane.address, lane.place].filter(Boolean).join("\n");
      this.heads.append(head);
    });
  }

  // The rows have changed: draw all of them anew.
  refresh() {
    for (const drawn of this.drawn.values()) drawn.remove();
    this.drawn.clear();
    this.root.style.height = `${this.rows.height}px`;
    this.root.classList.toggle("in-time", this.rows.axis === "time");
    this.drawNow();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { rows } = this;
    const above = -this.root.getBoundingClientRect().top;
    if (rows.count) {
      const first = rows.rowAt(above - OVERSCAN);
      const last = rows.rowAt(above + window.innerHeight + OVERSCAN);
      for (const [row, drawn] of this.drawn) {
        if (row < first || row > last) {
          drawn.remove();
          this.drawn.delete(row);
        }
      }
      const added = document.createDocumentFragment();
      for (let row = first; row <= last; row++) {
        if (this.drawn.has(row)) continue;
        const made = this.makeRow(row);
        this.drawn.set(row, made);
        added.append(made);
      }
      this.root.append(added);
    }
    this.drawTies();
    this.sayWhere(above);
    this.onDraw?.();
  }

  // Beside the heads of the lanes: the statement whose heading has been scrolled away.
  sayWhere(above) {
    const { rows, store } = this;
    const y = above + this.bar.getBoundingClientRect().bottom;
    let text = "";
    const row = rows.count && y > 0 ? rows.rowAt(y) : -1;
    if (row >= 0 && rows.kind[row] !== ROW.statement) {
      const message = rows.messageAt(row);
      const section = store.sections[message < 0 ? -1 : store.sectionOf[message]];
      const statement = section && store.statements[section.statements[0]];
      if (statement) text = `${statement.number}  ${statement.text}`;
    }
    if (this.where.textContent !== text) this.where.textContent = text;
  }

  makeRow(row) {
    const { rows } = this;
    const ref = rows.ref[row];
    const height = rows.top[row + 1] - rows.top[row];
    let made;
    switch (rows.kind[row]) {
      case ROW.statement: made = this.makeStatement(ref); break;
      case ROW.fold: made = this.makeFold(ref); break;
      case ROW.background: made = this.makeBackground(); break;
      default: made = this.makeMessage(ref, height, rows.pause[row]);
    }
    made.id = `row-${row}`;
    made.classList.add("row");
    made.setAttribute("role", "treeitem");
    made.setAttribute("aria-level", rows.level[row]);
    made.setAttribute("aria-posinset", row + 1);
    made.setAttribute("aria-setsize", rows.count);
    made.setAttribute("aria-selected", row === this.selected);
    made.dataset.row = row;
    made.style.transform = `translateY(${rows.top[row]}px)`;
    // In time a row may be tall; what can be pointed at is its head.
    made.style.height = `${rows.kind[row] === ROW.message ? Math.min(height, HEIGHT.message) : height}px`;
    return made;
  }

  makeMessage(i, height, pause) {
    const { store } = this;
    const isAnswer = store.isAnswer(i);
    const made = element("div", `message hue-${store.hueOf(i)}`);
    if (isAnswer || store.answers[i] >= 0) made.classList.add("answer");
    if (store.state[i] & 1) made.classList.add("background");
    if (store.state[i] & 2) made.classList.add("failure");
    if (height < HEIGHT.message - 4) made.classList.add("dense");
    const from = store.lanes[store.from[i]].name;
    const to = store.lanes[store.to[i]].name;
    const label = store.labelOf(i);

    const gutter = element("span", "gutter");
    if (store.mark[i] >= 0) {
      const verdict = store.verdicts[store.mark[i]];
      const outcome = verdict.outcome.toLowerCase();
      made.classList.add("marked", `mark-${outcome}`);
      gutter.textContent = { pass: "✓", fail: "✕" }[outcome] ?? "?";
      gutter.title = `${verdict.outcome}: ${verdict.name}`;
    }
    const time = element("span", "time", this.timeText(i));
    const lanes = element("span", "lanes");
    lanes.append(...this.makeArrow(i, label));
    const says = element("span", "says");
    const section = store.sections[store.sectionOf[i]];
    if (section && section.statements.length > 1 && store.statement[i]) {
      const owner = element("b", "owner", String(store.statement[i]));
      owner.title = `Belongs to statement ${store.statement[i]}`;
      says.append(owner);
    }
    if (store.state[i] & 4) says.append(element("em", "undecoded", "not fully decoded"));
    says.append(store.text[i]);
    const latency = store.latencyNs(i);
    if (latency !== null) says.append(element("span", "latency", durationText(latency)));
    made.append(gutter, time, lanes, says);
    if (pause > 0) {
      const cut = element("span", "pause", `⋯ ${durationText(pause)}`);
      cut.style.top = `${HEIGHT.message + (height - HEIGHT.message) / 2 - 4}px`;
      made.append(cut);
    }
    const mark = store.mark[i] < 0 ? "" : `, ${gutter.title}`;
    const background = store.state[i] & 1 ? ", in the background" : "";
    made.setAttribute("aria-label", `${from} to ${to}: ${label}${isAnswer ? " answer" : ""}, ${store.text[i]}, ${time.textContent}${background}${mark}`);
    return made;
  }

  makeArrow(i, label) {
    const { store } = this;
    const from = this.laneX(store.from[i]);
    const to = this.laneX(store.to[i]);
    const arrow = element("i", "arrow");
    const left = Math.min(from, to);
    const width = Math.abs(to - from);
    if (from === to) arrow.classList.add("self");
    else if (to < from) arrow.classList.add("leftward");
    arrow.style.left = `${left}px`;
    arrow.style.width = `${width || 26}px`;
    const name = element("span", "label", label);
    const labelWidth = this.labelWidth(label);
    const middle = width ? left + width / 2 : left + 30 + labelWidth / 2;
    name.style.width = `${labelWidth}px`;
    const room = Math.max(0, this.lanesWidth - labelWidth);
    name.style.left = `${Math.min(room, Math.max(0, middle - labelWidth / 2))}px`;
    return [arrow, name];
  }

  labelWidth(label) {
    let width = this.labelWidths.get(label);
    if (width === undefined) {
      this.ruler ??= document.createElement("canvas").getContext("2d");
      this.ruler.font = `600 11px ${getComputedStyle(document.body).fontFamily}`;
      width = Math.ceil(this.ruler.measureText(label).width) + 10;
      this.labelWidths.set(label, width);
    }
    return width;
  }

  // Since the statement began; before the first one, since the capture began.
  timeText(i) {
    const { store } = this;
    const section = store.sectionOf[i];
    if (section < 0) return secondsText(store.time[i]);
    const since = store.time[i] - store.time[store.sections[section].first];
    return since < 1e9 ? `+${(since / 1e6).toFixed(3)} ms` : `+${(since / 1e9).toFixed(4)} s`;
  }

  makeStatement(number) {
    const { store } = this;
    const section = store.sections[number];
    const statement = store.statements[section.statements[0]];
    const count = section.statements.length;
    const isClosed = this.rows.closedSections.has(number);
    const made = element("div", "statement");
    made.setAttribute("aria-expanded", !isClosed);
    made.append(element("span", "gutter", isClosed ? "▸" : "▾"));
    made.append(element("span", "time", secondsText(store.time[section.first])));
    const body = element("span", "statement-body");
    body.append(element("b", "ordinal", String(statement.number)));
    if (count > 1) body.append(element("span", "overlap", `${count.toLocaleString("en")} statements at once, the first:`));
    body.append(element("code", "", statement.text));
    const facts = element("span", "facts");
    if (statement.consistency) facts.append(element("span", "", statement.consistency));
    if (count === 1) {
      const result = statement.reply === null ? "no answer" : statement.result;
      facts.append(element("span", statement.reply === null || statement.is_error ? "bad" : "", result));
      if (statement.duration_ns !== null) facts.append(element("span", "", durationText(statement.duration_ns)));
    } else {
      const unanswered = section.statements.filter((one) => store.statements[one].reply === null).length;
      if (unanswered) facts.append(element("span", "bad", `${counted(unanswered, "statement")} without answer`));
    }
    body.append(facts);
    made.append(body);
    made.setAttribute("aria-label", `Statement ${statement.number}: ${statement.text}, ${facts.textContent}`);
    return made;
  }

  makeFold(first) {
    const { store, rows } = this;
    const run = rows.folds.get(first);
    const isOpen = rows.unfolded.has(first);
    const counts = new Map();
    for (const i of run) counts.set(store.noise[i], (counts.get(store.noise[i]) ?? 0) + 1);
    const parts = [...counts].sort((a, b) => b[1] - a[1]).map(
      ([noise, count]) => `${count.toLocaleString("en")} ${store.noiseNames[noise - 1][count > 1 ? 1 : 0]}`,
    );
    const made = element("div", "fold");
    made.setAttribute("aria-expanded", isOpen);
    const text = `${parts.join(" · ")}`;
    made.append(element("span", "gutter", isOpen ? "▾" : "▸"), element("span", "time", ""), element("span", "fold-body", text));
    const lasted = store.time[run[run.length - 1]] - store.time[first];
    if (lasted > 1e6) made.append(element("span", "lasted", `in ${durationText(lasted)}`));
    made.setAttribute("aria-label", `${isOpen ? "Unfolded" : "Folded"}: ${text}`);
    return made;
  }

  makeBackground() {
    const made = element("div", "after");
    made.append(element("span", "gutter"), element("span", "time"));
    made.append(element("span", "after-body", "the client has its answer · what follows is background work"));
    made.setAttribute("aria-label", "The client has its answer; what follows is background work");
    return made;
  }

  rowOfEvent(event) {
    const drawn = event.target.closest(".row");
    return drawn === null ? -1 : Number(drawn.dataset.row);
  }

  click(event) {
    const row = this.rowOfEvent(event);
    if (row < 0) return;
    this.select(row);
    this.onSelect(row, true);
  }

  select(row) {
    const before = this.drawn.get(this.selected);
    before?.setAttribute("aria-selected", "false");
    this.selected = row;
    this.drawn.get(row)?.setAttribute("aria-selected", "true");
    if (row >= 0) this.root.setAttribute("aria-activedescendant", `row-${row}`);
    else this.root.removeAttribute("aria-activedescendant");
    this.drawTies();
  }

  // Scroll as little as it takes to see a row.
  bringIntoView(row) {
    const { rows } = this;
    const rootTop = this.root.getBoundingClientRect().top;
    const roof = this.bar.getBoundingClientRect().bottom + 8;
    const top = rootTop + rows.top[row];
    const bottom = rootTop + rows.top[row + 1];
    if (top < roof) window.scrollBy(0, top - roof);
    else if (bottom > window.innerHeight - 12) {
      const isFar = bottom > 2 * window.innerHeight;
      window.scrollBy(0, isFar ? top - roof - window.innerHeight / 3 : bottom - window.innerHeight + 12);
    }
    this.drawNow();
  }

  hover(row) {
    if (row === this.hovered) return;
    this.hovered = row;
    this.drawTies();
  }

  messageOf(row) {
    return row >= 0 && row < this.rows.count && this.rows.kind[row] === ROW.message ? this.rows.ref[row] : -1;
  }

  drawTies() {
    for (const drawn of this.root.querySelectorAll(".mate")) drawn.classList.remove("mate");
    this.drawTie(this.selectTie, this.messageOf(this.selected));
    this.drawTie(this.hoverTie, this.hovered === this.selected ? -1 : this.messageOf(this.hovered));
  }

  // A bar on the lane of whoever asked, from the request to its last answer.
  drawTie(tie, message) {
    tie.hidden = true;
    if (message < 0) return;
    const { rows, store } = this;
    const exchange = store.exchangeOf(message);
    if (exchange.length < 2) return;
    const shown = exchange.map((i) => rows.rowOf(i)).filter((row) => row >= 0);
    for (const row of shown) this.drawn.get(row)?.classList.add("mate");
    if (shown.length < 2) return;
    const first = Math.min(...shown);
    const last = Math.max(...shown);
    tie.hidden = false;
    tie.className = `${tie.className.split(" hue-")[0]} hue-${store.hueOf(message)}`;
    tie.style.left = `${this.lanesLeft + this.laneX(store.from[exchange[0]])}px`;
    tie.style.top = `${rows.top[first] + this.lineOf(first)}px`;
    tie.style.height = `${rows.top[last] + this.lineOf(last) - rows.top[first] - this.lineOf(first)}px`;
  }

  // Where in its row the arrow lies.
  lineOf(row) {
    const height = this.rows.top[row + 1] - this.rows.top[row];
    return height < HEIGHT.message - 4 ? height / 2 : 19;
  }
}
