"use strict";
// Enhances a page that is complete without it: theme, copying, sorting, and opening details for print.
(() => {
  const status = document.getElementById("status");
  const say = (text) => { status.textContent = text; setTimeout(() => { status.textContent = ""; }, 4000); };

  const root = document.documentElement;
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("harness-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("harness-theme", theme); } catch { /* private window */ } };
  const apply = (theme) => {
    if (theme === "auto") root.removeAttribute("data-theme"); else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  let theme = themes.includes(stored()) ? stored() : "auto";
  apply(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    apply(theme);
    keep(theme);
  });

  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  for (const copy of document.querySelectorAll("[data-copy]")) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      const source = document.getElementById(copy.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        say("Copied");
      } catch {
        select(source);
        let copied = false;
        try { copied = document.execCommand("copy"); } catch { copied = false; }
        say(copied ? "Copied" : "Selected: press Ctrl+C or ⌘C to copy");
      }
    });
  }

  const units = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const key = (cell) => {
    const text = cell.textContent.trim();
    const match = /^[+×<\s]*([−-]?)([\d,]+(?:\.\d+)?)\s*(ns|µs|ms|s|KiB|MiB|GiB)?/.exec(text);
    if (!match) return text === "–" ? null : text;
    return (match[1] ? -1 : 1) * Number(match[2].replaceAll(",", "")) * (units[match[3]] ?? 1);
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const sorter = document.createElement("button");
      sorter.type = "button";
      sorter.className = "sort";
      sorter.append(...head.childNodes);
      head.append(sorter);
      sorter.addEventListener("click", () => {
        const descending = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", descending ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
        rows.sort((a, b) => compare(a[0], b[0]) * (descending ? -1 : 1));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
})();
