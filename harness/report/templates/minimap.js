// The whole flow in a strip at the right edge: hues, statements and marks; click to go there.

const TICKS_MAX = 200;

class Minimap {
  constructor(store, rows, graph) {
    this.store = store;
    this.rows = rows;
    this.graph = graph;
    this.canvas = document.getElementById("minimap");
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.go(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) this.go(event);
    });
    window.addEventListener("resize", () => this.refresh());
  }

  go(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
    const graphTop = this.graph.root.getBoundingClientRect().top + window.scrollY;
    window.scrollTo(0, graphTop + share * this.rows.height - window.innerHeight / 2);
  }

  // The rows have changed: paint them once; scrolling only moves the frame.
  refresh() {
    const { canvas, rows, store } = this;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    canvas.width = width * scale;
    canvas.height = height * scale;
    this.painted = document.createElement("canvas");
    this.painted.width = canvas.width;
    this.painted.height = canvas.height;
    const paint = this.painted.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const colours = store.hues.map((hue) => style.getPropertyValue(`--${hue.key}`));
    const resolved = colours.map((colour) => resolvedColour(colour));
    const perRow = rows.height ? canvas.height / Math.max(rows.height, height) : 0;
    for (let row = 0; row < rows.count; row++) {
      if (rows.kind[row] !== ROW.message) continue;
      const message = rows.ref[row];
      paint.fillStyle = resolved[store.hue[message]];
      paint.globalAlpha = 0.75;
      const thickness = Math.max(1, Math.min(3 * scale, (rows.top[row + 1] - rows.top[row]) * perRow * 0.7));
      paint.fillRect(4 * scale, rows.top[row] * perRow, (width - 8) * scale, thickness);
    }
    paint.globalAlpha = 1;
    const ink = resolvedColour(style.getPropertyValue("--ink"));
    for (let row = 0; row < rows.count; row++) {
      const y = rows.top[row] * perRow;
      if (rows.kind[row] === ROW.statement && store.sections.length <= TICKS_MAX) {
        paint.fillStyle = ink;
        paint.fillRect(0, y, 3 * scale, Math.max(1, scale));
      } else if (rows.kind[row] === ROW.message && store.mark[rows.ref[row]] >= 0) {
        const outcome = store.verdicts[store.mark[rows.ref[row]]].outcome.toLowerCase();
        paint.fillStyle = resolvedColour(style.getPropertyValue(`--${outcome}`));
        paint.fillRect((width - 4) * scale, y, 4 * scale, 3 * scale);
      }
    }
    this.perRow = perRow;
    this.drawFrame();
  }

  drawFrame() {
    const { canvas, graph } = this;
    if (!this.painted) return;
    const paint = canvas.getContext("2d");
    paint.clearRect(0, 0, canvas.width, canvas.height);
    paint.drawImage(this.painted, 0, 0);
    const above = graph.bar.getBoundingClientRect().bottom - graph.root.getBoundingClientRect().top;
    const top = Math.max(0, above) * this.perRow;
    const bottom = (window.innerHeight - graph.root.getBoundingClientRect().top) * this.perRow;
    paint.fillStyle = "rgba(128, 128, 128, 0.22)";
    paint.fillRect(0, top, canvas.width, Math.max(6, Math.min(bottom, canvas.height) - top));
  }
}

// A canvas does not know light-dark(); an element does.
function resolvedColour(colour) {
  const probe = document.body.appendChild(element("i"));
  probe.style.color = colour;
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
