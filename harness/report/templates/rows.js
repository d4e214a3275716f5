// Which rows there are, in which order and where: everything between the data and the drawing.

const ROW = { message: 0, statement: 1, fold: 2, background: 3 };
const HEIGHT = { message: 28, statement: 46, fold: 22, background: 24 };
const DENSE_MIN = 4;
const PAUSE_MAX = 140;
const TOTAL_MAX = 12e6;

class Rows {
  constructor(store) {
    this.store = store;
    this.isFolding = true;
    this.unfolded = new Set();
    this.closedSections = new Set();
    this.hiddenHues = new Set();
    this.meant = null;
    this.axis = "order";
    this.nsPerPixel = this.usualNsPerPixel();
    this.arrange();
  }

  // A scale at which most messages of a burst have room for their words.
  usualNsPerPixel() {
    const { store } = this;
    const distances = [];
    const step = Math.max(1, Math.floor(store.count / 20000));
    for (let i = step; i < store.count; i += step) {
      const distance = store.time[i] - store.time[i - 1];
      if (store.noise[i] === 0 && distance > 0 && distance < 2e7) distances.push(distance);
    }
    distances.sort((a, b) => a - b);
    const usual = distances[Math.floor(distances.length * 0.3)] ?? 1e6;
    return Math.max(1, usual / HEIGHT.message);
  }

  isFolded(i) {
    return this.isFolding && this.meant === null && this.store.noise[i] !== 0 && this.store.mark[i] < 0;
  }

  arrange() {
    const { store } = this;
    const kinds = [];
    const refs = [];
    const levels = [];
    this.folds = new Map();
    this.shownCount = 0;
    this.foldedCount = 0;
    this.hiddenCount = 0;
    const push = (kind, ref, level) => {
      kinds.push(kind);
      refs.push(ref);
      levels.push(level);
    };
    let section = -1;
    let headed = true;
    let inBackground = false;
    let run = null;
    const endRun = () => {
      if (run === null) return;
      const first = run[0];
      this.folds.set(first, run);
      push(ROW.fold, first, 1);
      if (this.unfolded.has(first)) {
        for (const i of run) push(ROW.message, i, 2);
        this.shownCount += run.length;
      } else {
        this.foldedCount += run.length;
      }
      run = null;
    };
    for (let i = 0; i < store.count; i++) {
      if (store.sectionOf[i] !== section) {
        endRun();
        section = store.sectionOf[i];
        headed = false;
        inBackground = false;
      }
      if (this.hiddenHues.has(store.hue[i])) {
        this.hiddenCount++;
        continue;
      }
      if (this.meant !== null && !this.meant(i)) {
        this.hiddenCount++;
        continue;
      }
      if (section >= 0 && !headed) {
        push(ROW.statement, section, 1);
        headed = true;
      }
      if (this.closedSections.has(section)) {
        this.foldedCount++;
        continue;
      }
      if (this.isFolded(i)) {
        (run ??= []).push(i);
        continue;
      }
      endRun();
      const answeredAt = section < 0 ? null : store.sections[section].answered_at;
      if ((store.state[i] & 1) !== 0 && !inBackground && answeredAt !== null && i > answeredAt) {
        inBackground = true;
        push(ROW.background, section, 1);
      }
      push(ROW.message, i, section >= 0 ? 2 : 1);
      this.shownCount++;
    }
    endRun();
    this.kind = Uint8Array.from(kinds);
    this.ref = Int32Array.from(refs);
    this.level = Uint8Array.from(levels);
    this.count = kinds.length;
    this.rowOfMessage = new Map();
    for (let row = 0; row < this.count; row++) {
      if (this.kind[row] === ROW.message) this.rowOfMessage.set(this.ref[row], row);
    }
    this.place();
  }

  place() {
    const { store } = this;
    this.top = new Float64Array(this.count + 1);
    this.pause = new Float64Array(this.count);
    let y = 0;
    let nsPerPixel = this.nsPerPixel;
    if (this.axis === "time" && this.count) {
      // Whatever the zoom, the page stays within what browsers can scroll.
      nsPerPixel = Math.max(nsPerPixel, (store.time[store.count - 1] - store.time[0]) / TOTAL_MAX);
    }
    for (let row = 0; row < this.count; row++) {
      this.top[row] = y;
      y += this.axis === "time" ? this.heightInTime(row, nsPerPixel) : this.heightInOrder(row);
    }
    this.top[this.count] = y;
  }

  heightInOrder(row) {
    switch (this.kind[row]) {
      case ROW.statement: return HEIGHT.statement;
      case ROW.fold: return HEIGHT.fold;
      case ROW.background: return HEIGHT.background;
      default: return HEIGHT.message;
    }
  }

  // In time, a message is as far from the next row's message as it took; long pauses are cut, and say so.
  heightInTime(row, nsPerPixel) {
    if (this.kind[row] !== ROW.message) return this.heightInOrder(row);
    const next = row + 1 < this.count ? this.messageAt(row + 1) : -1;
    if (next < 0) return HEIGHT.message;
    const distance = Math.max(0, this.store.time[next] - this.store.time[this.ref[row]]);
    const pixels = distance / nsPerPixel;
    if (pixels <= PAUSE_MAX) return Math.max(DENSE_MIN, pixels);
    this.pause[row] = distance;
    return PAUSE_MAX;
  }

  // The message that a row stands for, or with which it begins.
  messageAt(row) {
    switch (this.kind[row]) {
      case ROW.statement: return this.store.sections[this.ref[row]].first;
      case ROW.background: return row + 1 < this.count ? this.messageAt(row + 1) : -1;
      default: return this.ref[row];
    }
  }

  get height() {
    return this.top[this.count];
  }

  rowAt(y) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // Unfold, unhide and unfilter nothing: -1 if the message has no row now.
  rowOf(message) {
    return this.rowOfMessage.get(message) ?? -1;
  }

  // Open what hides a message, so that it has a row.
  reveal(message) {
    if (this.rowOf(message) >= 0) return;
    this.closedSections.delete(this.store.sectionOf[message]);
    this.hiddenHues.delete(this.store.hue[message]);
    if (this.meant !== null && !this.meant(message)) this.meant = null;
    this.arrange();
    if (this.rowOf(message) >= 0) return;
    for (const [first, run] of this.folds) {
      if (run.includes(message)) {
        this.unfolded.add(first);
        break;
      }
    }
    this.arrange();
  }
}
