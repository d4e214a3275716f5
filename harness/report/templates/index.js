"use strict";
(() => {
  const table = document.getElementById("runs");
  const find = document.getElementById("find");
  if (!table) return;
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];

  const valueOf = (row, column) => row.cells[column].dataset.value;

  heads.forEach((head, column) => {
    head.firstElementChild.addEventListener("click", () => {
      const isDescending = head.getAttribute("aria-sort") === "ascending";
      const isNumber = ["Messages", "Seconds"].includes(head.textContent);
      const rows = [...body.rows].sort((a, b) => {
        const [left, right] = [valueOf(a, column), valueOf(b, column)];
        const order = isNumber ? Number(left) - Number(right) : left.localeCompare(right, "en", { numeric: true });
        return isDescending ? -order : order;
      });
      for (const one of heads) one.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      body.append(...rows);
    });
  });

  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    document.getElementById("nothing").hidden = shown > 0;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== find) {
      event.preventDefault();
      find.focus();
    }
  });
  document.documentElement.dataset.ready = "yes";
})();
