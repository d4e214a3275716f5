// Puts the parts together: toolbar, legend, keys, and the place in the address.

class Page {
  constructor(store) {
    this.store = store;
    this.rows = new Rows(store);
    this.graph = new Graph(store, this.rows, (row, isClick) => this.open(row, isClick));
    this.minimap = new Minimap(store, this.rows, this.graph);
    this.panel = new Panel(store, (message) => this.goTo(message), () => this.graph.root.focus({ preventScroll: true }));
    this.graph.onDraw = () => this.minimap.drawFrame();
    this.filter = document.getElementById("filter");
    this.count = document.getElementById("count");
    this.help = document.getElementById("help");
    this.makeLegend();
    new Verdicts(store, (message) => this.goTo(message));
    this.listen();
    this.sayCount();
    this.minimap.refresh();
    const anchor = /^#m(\d+)$/.exec(window.location.hash);
    if (anchor) {
      const message = store.number.indexOf(Number(anchor[1]));
      if (message >= 0) this.goTo(message);
    }
  }

  listen() {
    let typed = 0;
    this.filter.addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(() => this.applyFilter(), 120);
    });
    this.filter.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        clearTimeout(typed);
        this.applyFilter();
        this.graph.root.focus({ preventScroll: true });
      }
    });
    document.getElementById("filter-clear").addEventListener("click", () => this.clearFilter());
    for (const button of document.querySelectorAll("[data-axis]")) {
      button.addEventListener("click", () => this.setAxis(button.dataset.axis));
    }
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(Number(button.dataset.zoom)));
    }
    document.getElementById("fold-all").addEventListener("click", () => this.foldAll());
    document.getElementById("theme").addEventListener("click", () => this.nextTheme());
    document.getElementById("help-open").addEventListener("click", () => this.help.showModal());
    document.addEventListener("keydown", (event) => this.key(event));
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.minimap.refresh());
    this.setTheme(remembered("theme") ?? "");
  }

  // Legend: one button a hue; pressed ones are shown.
  makeLegend() {
    const { store } = this;
    const counts = new Array(store.hues.length).fill(0);
    for (const hue of store.hue) counts[hue]++;
    const legend = document.getElementById("legend");
    store.hues.forEach((hue, number) => {
      if (!counts[number]) return;
      const made = element("button", `hue-${hue.key}`);
      made.dataset.hue = number;
      made.type = "button";
      made.setAttribute("aria-pressed", "true");
      made.title = `Hide or show ${hue.name}`;
      made.append(element("i", "swatch"), hue.name, element("span", "n", counts[number].toLocaleString("en")));
      made.addEventListener("click", () => {
        const { hiddenHues } = this.rows;
        if (!hiddenHues.delete(number)) hiddenHues.add(number);
        made.setAttribute("aria-pressed", !hiddenHues.has(number));
        this.rearrange();
      });
      legend.append(made);
    });
  }

  applyFilter() {
    const error = document.getElementById("filter-error");
    const text = this.filter.value.trim();
    document.getElementById("filter-clear").hidden = text === "";
    try {
      this.rows.meant = compileFilter(text, this.store);
      error.hidden = true;
      this.filter.removeAttribute("aria-invalid");
    } catch (problem) {
      if (!(problem instanceof FilterError)) throw problem;
      error.textContent = problem.message;
      error.hidden = false;
      this.filter.setAttribute("aria-invalid", "true");
      return;
    }
    this.rearrange();
  }

  clearFilter() {
    this.filter.value = "";
    this.applyFilter();
  }

  // Rows have come or gone: what was selected stays selected and where it was on the screen.
  rearrange() {
    const { rows, graph } = this;
    const message = graph.messageOf(graph.selected);
    const kept = message >= 0 ? message : graph.selected < 0 ? -1 : rows.messageAt(graph.selected);
    const before = message >= 0 ? graph.root.getBoundingClientRect().top + rows.top[graph.selected] : 0;
    const keptKind = graph.selected >= 0 ? rows.kind[graph.selected] : ROW.message;
    rows.arrange();
    graph.selected = -1;
    graph.hovered = -1;
    graph.refresh();
    if (kept >= 0) {
      let row = rows.rowOf(kept);
      if (keptKind !== ROW.message || row < 0) {
        for (let one = 0; one < rows.count; one++) {
          if (rows.kind[one] === keptKind && rows.messageAt(one) === kept) row = one;
        }
      }
      if (row >= 0) {
        graph.select(row);
        if (message >= 0) {
          const after = graph.root.getBoundingClientRect().top + rows.top[row];
          const isOnScreen = before > 0 && before < window.innerHeight;
          if (isOnScreen) window.scrollBy(0, after - before);
          else graph.bringIntoView(row);
        }
      }
    }
    graph.drawNow();
    this.minimap.refresh();
    this.sayCount();
  }

  sayCount() {
    const { rows, store } = this;
    const parts = [`${rows.shownCount.toLocaleString("en")} of ${counted(store.count, "message")}`];
    if (rows.foldedCount) parts.push(`${rows.foldedCount.toLocaleString("en")} folded`);
    this.count.textContent = parts.join(", ");
    this.graph.root.classList.toggle("empty", rows.count === 0);
  }

  setAxis(axis) {
    this.rows.axis = axis;
    for (const button of document.querySelectorAll("[data-axis]")) {
      button.setAttribute("aria-checked", button.dataset.axis === axis);
    }
    document.getElementById("zoom").hidden = axis !== "time";
    this.rearrange();
  }

  zoom(direction) {
    if (this.rows.axis !== "time") return;
    this.rows.nsPerPixel *= direction > 0 ? 1 / 1.6 : 1.6;
    this.rearrange();
  }

  foldAll() {
    const { rows } = this;
    rows.isFolding = !rows.isFolding;
    if (rows.isFolding) {
      rows.unfolded.clear();
      rows.closedSections.clear();
    }
    document.getElementById("fold-all").setAttribute("aria-pressed", rows.isFolding);
    this.rearrange();
  }

  // Fold or unfold the row itself, or what it stands in.
  foldHere() {
    const { rows, graph, store } = this;
    let row = graph.selected;
    if (row < 0) return;
    if (rows.kind[row] === ROW.message) {
      const message = rows.ref[row];
      const isChatter = rows.isFolded(message);
      while (row > 0 && rows.kind[row] !== (isChatter ? ROW.fold : ROW.statement)) row--;
      if (!isChatter && (rows.kind[row] !== ROW.statement || rows.ref[row] !== store.sectionOf[message])) return;
      graph.select(row);
    }
    if (rows.kind[row] === ROW.fold) toggle(rows.unfolded, rows.ref[row]);
    else if (rows.kind[row] === ROW.statement) toggle(rows.closedSections, rows.ref[row]);
    else return;
    this.rearrange();
    graph.bringIntoView(graph.selected);
  }

  open(row, isClick) {
    const { rows, graph } = this;
    graph.root.focus({ preventScroll: true });
    if (rows.kind[row] === ROW.message) {
      const message = rows.ref[row];
      this.panel.show(message);
      remember(message, this.store);
    } else if (rows.kind[row] !== ROW.background) {
      this.foldHere();
    }
    if (!isClick) graph.bringIntoView(graph.selected);
  }

  move(row) {
    const { rows, graph } = this;
    if (!rows.count) return;
    const wanted = Math.min(rows.count - 1, Math.max(0, row));
    graph.select(wanted);
    graph.bringIntoView(wanted);
    const message = graph.messageOf(wanted);
    if (this.panel.isOpen && message >= 0) this.panel.show(message);
  }

  goTo(message) {
    const { rows, graph } = this;
    if (rows.meant !== null && !rows.meant(message)) this.clearFilter();
    rows.reveal(message);
    for (const button of document.getElementById("legend").children) {
      button.setAttribute("aria-pressed", !rows.hiddenHues.has(Number(button.dataset.hue)));
    }
    graph.selected = -1;
    graph.refresh();
    this.minimap.refresh();
    this.sayCount();
    const row = rows.rowOf(message);
    graph.select(row);
    graph.bringIntoView(row);
    this.panel.show(message);
    remember(message, this.store);
  }

  moveTo(kind, direction) {
    const { rows, graph } = this;
    for (let row = graph.selected + direction; row >= 0 && row < rows.count; row += direction) {
      if (rows.kind[row] === kind) {
        this.move(row);
        return;
      }
    }
  }

  moveToMark(direction) {
    const { marked } = this.store;
    if (!marked.length) return;
    const at = this.graph.selected < 0 ? -1 : this.rows.messageAt(this.graph.selected);
    const next = direction > 0 ? marked.find((one) => one > at) : marked.findLast((one) => one < at);
    this.goTo(next ?? (direction > 0 ? marked[0] : marked.at(-1)));
  }

  moveToPair() {
    const message = this.graph.messageOf(this.graph.selected);
    if (message < 0) return;
    const pair = this.store.answers[message] >= 0 ? this.store.answers[message] : this.store.answered.get(message)?.[0];
    if (pair !== undefined) this.goTo(pair);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    const isTyping = event.target === this.filter;
    if (event.key === "Escape") {
      event.preventDefault();
      this.escape(isTyping);
      return;
    }
    if (isTyping || event.target.closest?.("textarea, .tree")) return;
    const onButton = event.target.closest?.("button, a, summary");
    if (onButton && ["Enter", " "].includes(event.key)) return;
    const { graph } = this;
    // Before anything is selected these keys scroll, as they do everywhere.
    const isIdle = graph.selected < 0 && document.activeElement !== graph.root;
    if (isIdle && ["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"].includes(event.key)) return;
    const page = Math.max(1, Math.floor((window.innerHeight - 200) / HEIGHT.message));
    const keys = {
      j: () => this.move(graph.selected + 1), ArrowDown: () => this.move(graph.selected + 1),
      k: () => this.move(graph.selected - 1), ArrowUp: () => this.move(graph.selected - 1),
      PageDown: () => this.move(graph.selected + page), PageUp: () => this.move(graph.selected - page),
      Home: () => this.move(0), End: () => this.move(this.rows.count - 1),
      Enter: () => graph.selected >= 0 && this.open(graph.selected, false),
      f: () => this.foldHere(), F: () => this.foldAll(),
      t: () => this.setAxis(this.rows.axis === "order" ? "time" : "order"),
      "+": () => this.zoom(1), "=": () => this.zoom(1), "-": () => this.zoom(-1),
      p: () => this.moveToPair(),
      n: () => this.moveToMark(1), N: () => this.moveToMark(-1),
      "]": () => this.moveTo(ROW.statement, 1), "[": () => this.moveTo(ROW.statement, -1),
      "/": () => { this.filter.focus(); this.filter.select(); },
      "?": () => this.help.showModal(),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  escape(isTyping) {
    if (isTyping && this.filter.value) this.clearFilter();
    else if (isTyping) this.graph.root.focus({ preventScroll: true });
    else if (this.panel.isOpen) this.panel.close();
    else this.graph.select(-1);
  }

  nextTheme() {
    const themes = ["", "light", "dark"];
    this.setTheme(themes[(themes.indexOf(this.theme) + 1) % themes.length]);
  }

  setTheme(theme) {
    this.theme = theme;
    document.documentElement.style.colorScheme = theme || "light dark";
    document.getElementById("theme").textContent = { "": "◐", light: "○", dark: "●" }[theme] ?? "◐";
    document.getElementById("theme").title = `Colours: ${theme || "as the system has them"}`;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // A browser that keeps nothing for pages in files shows the system's colours next time.
    }
    this.minimap.refresh();
  }
}

function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
}

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

// The address names the message, so that a link leads to it.
function remember(message, store) {
  try {
    history.replaceState(null, "", `#m${store.number[message]}`);
  } catch {
    // Some browsers let pages in files have one address only.
  }
}

readData("flow").then((data) => {
  const page = new Page(new Store(data));
  document.documentElement.dataset.ready = "yes";
  window.report = page;
});
