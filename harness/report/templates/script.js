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

  const matrix = document.getElementById("fault-matrix");
  if (matrix) {
    const data = JSON.parse(document.getElementById("fault-data").textContent);
    const form = document.getElementById("fault-filters");
    const evidence = document.getElementById("fault-evidence");
    const choose = (name, options, chosen) => {
      const label = document.createElement("label");
      const select = document.createElement("select");
      options.forEach((text, value) => select.add(new Option(text, value)));
      select.value = chosen;
      label.append(name, select);
      form.append(label);
      select.addEventListener("change", () => show());
      return select;
    };
    const setting = choose("setting", data.settings, data.shown);
    const mode = choose("colour", ["both", ...data.modes], 0);
    const shape = choose("answers", ["both", "whole", "streamed"], 0);
    const providers = ["all", ...new Set(data.providers)];
    const provider = choose("provider", providers, 0);
    form.hidden = false;
    const cases = (place) => (data.cases[place] ?? []).filter((one) =>
      one[0] === Number(setting.value)
      && (mode.value === "0" || one[1] === mode.value - 1)
      && (shape.value === "0" || one[2] === shape.value - 1));
    const tell = (one) => {
      const [, colour, streamed, verdict, took, cls, status, attempts, finish, window] = one;
      const parts = [
        `${data.modes[colour]}, ${streamed ? "streamed" : "whole"}: ${data.verdicts[verdict][2]}`,
        took === null ? `not back after ${window / 1000} s` : `back after ${(took / 1000).toFixed(2)} s`,
        cls === null ? "" : `${data.classes[cls]}${status ? ` (status ${status})` : ""}`,
        finish === null ? "" : `finish reason ${data.finishes[finish]}`,
        attempts === null ? "" : `${attempts} request${attempts === 1 ? "" : "s"}`,
      ];
      return parts.filter(Boolean).join("; ");
    };
    const open = (cell) => {
      matrix.querySelector("td.chosen")?.classList.remove("chosen");
      cell.classList.add("chosen");
      const [row, column] = cell.dataset.case.split(",").map(Number);
      const title = document.createElement("h4");
      title.textContent = `${data.faults[row]}, ${data.columns[column]}, with ${data.settings[setting.value]}`;
      const list = document.createElement("ul");
      for (const one of cases(cell.dataset.case)) {
        const item = document.createElement("li");
        item.textContent = tell(one);
        list.append(item);
      }
      evidence.replaceChildren(title, list);
    };
    const show = () => {
      document.getElementById("fault-shown").textContent = data.settings[setting.value];
      const wanted = providers[provider.value];
      const isOut = (column) => provider.value !== "0" && data.providers[column] !== wanted;
      [...matrix.tHead.rows[0].cells].slice(1).forEach((head, column) => { head.hidden = isOut(column); });
      for (const cell of matrix.querySelectorAll("td[data-case]")) {
        const found = cases(cell.dataset.case);
        const gravest = found.length ? Math.min(...found.map((one) => one[3])) : -1;
        const [name, letter, word] = gravest < 0 ? ["none", "", "not measured"] : data.verdicts[gravest];
        cell.className = `verdict ${name}`;
        cell.title = word;
        cell.hidden = isOut(Number(cell.dataset.case.split(",")[1]));
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = letter;
        button.setAttribute("aria-label", word);
        button.disabled = !found.length;
        button.addEventListener("click", () => open(cell));
        cell.replaceChildren(button);
      }
      evidence.replaceChildren();
    };
    show();
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
})();
