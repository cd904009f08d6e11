// Tables that sort by the heading that is chosen: numbers by size, words by the alphabet, cells
// without a value always last.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.querySelectorAll("th")];
  headings.forEach((heading, column) => {
    const isNumber = heading.classList.contains("number");
    heading.querySelector("button").addEventListener("click", () => {
      const rises = heading.getAttribute("aria-sort") === "descending"
        || (heading.getAttribute("aria-sort") === null && !isNumber);
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.sort;
      const compare = (a, b) => {
        if (value(a) === "" || value(b) === "") return (value(a) === "") - (value(b) === "");
        const order = isNumber ? value(a) - value(b) : value(a).localeCompare(value(b));
        return rises ? order : -order;
      };
      table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
    });
  });
}
