// The verdicts at the head of the page: links to messages, and marks that can be seen from afar.

const LINKS_MAX = 40;

class Verdicts {
  constructor(store, goTo) {
    this.store = store;
    this.goTo = goTo;
    this.messageOfFrame = new Map();
    for (let i = 0; i < store.count; i++) {
      if (!this.messageOfFrame.has(store.frame[i])) this.messageOfFrame.set(store.frame[i], i);
    }
    for (const proof of document.querySelectorAll(".proof")) this.link(proof);
    for (const explanation of document.querySelectorAll(".explanation")) this.dress(explanation);
  }

  link(proof) {
    const { messages } = this.store.verdicts[Number(proof.dataset.verdict)];
    if (!messages.length) return;
    proof.append(element("span", "hint", counted(messages.length, "message")), ": ");
    for (const message of messages.slice(0, LINKS_MAX)) {
      const made = this.button(`#${this.store.number[message]}`, message);
      made.classList.add(`hue-${this.store.hueOf(message)}`);
      proof.append(made);
    }
    if (messages.length > LINKS_MAX) proof.append(` and ${(messages.length - LINKS_MAX).toLocaleString("en")} more`);
  }

  // Before the first blank line stand the claim, as above already, and why; below it, the first bad line is scrolled into view.
  dress(explanation) {
    const lines = explanation.textContent.split("\n");
    const blank = lines.indexOf("");
    if (blank > 1) {
      const reasons = element("div", "reasons");
      reasons.append(...this.lines(lines.slice(1, blank).map((line) => line.trim())));
      explanation.before(reasons);
    }
    const basis = lines[0].match(/\((by [^()]+)\)$/);
    if (basis) explanation.after(element("p", "hint basis", `Its messages were found ${basis[1]}.`));
    if (blank > 0) lines.splice(0, blank + 1);
    explanation.replaceChildren(...this.lines(lines));
    const show = () => {
      const bad = explanation.querySelector(".bad, .unsure");
      if (bad) explanation.scrollTop = bad.offsetTop - explanation.offsetTop - 80;
    };
    explanation.closest("details").addEventListener("toggle", show, { once: true });
    show();
  }

  // Packets become links; lines that begin with a mark get its colour.
  lines(texts) {
    const marks = { "✓": "good", "✗": "bad", "?": "unsure" };
    return texts.map((text) => {
      const line = element("span", marks[text.trimStart()[0]] ?? "");
      let from = 0;
      for (const found of text.matchAll(/packet (\d+)/g)) {
        const message = this.messageOfFrame.get(Number(found[1]));
        if (message === undefined) continue;
        line.append(text.slice(from, found.index), this.button(found[0], message));
        from = found.index + found[0].length;
      }
      line.append(`${text.slice(from)}\n`);
      return line;
    });
  }

  button(text, message) {
    const made = element("button", "link", text);
    made.type = "button";
    made.title = `${this.store.labelOf(message)} #${this.store.number[message]}`;
    made.addEventListener("click", () => this.goTo(message));
    return made;
  }
}
