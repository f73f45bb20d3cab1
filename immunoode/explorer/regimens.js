// Rows of regimens: a table per regimen, whose cells are texts as the package reads them ("200", "mg", "3 weeks").

const COLUMNS = [
  ["amount", "amount", 6],
  ["unit", "unit", 6],
  ["start", "start", 8],
  ["every", "every", 8],
  ["count", "doses", 4],
  ["over", "infusion over", 7],
];

function optionsText(options) {
  const said = Object.entries(options || {}).map(([name, value]) => (value === true ? name.replace("_", " ") : `${name.replace("_", " ")} ${value}`));
  return said.length ? `also: ${said.join("; ")}` : "";
}

function createRegimens(host, opening, onChange) {
  let regimens = [];
  const key = Math.random().toString(36).slice(2, 8);
  const places = new Map();

  const changed = () => onChange(structuredClone(regimens));

  function cell(row, name, label, width, where) {
    const input = document.createElement("input");
    input.type = "text";
    input.size = width;
    input.value = row[name];
    input.setAttribute("aria-label", `${label}, ${where}`);
    input.setAttribute("aria-describedby", `imo-${key}-${where.replace(/\W+/g, "-")}`);
    if (name === "unit") input.setAttribute("list", `imo-${key}-units-${row.therapy}`);
    let waiting = null;
    input.addEventListener("input", () => {
      row[name] = input.value;
      clearTimeout(waiting);
      waiting = setTimeout(changed, 250);
    });
    input.addEventListener("change", () => {
      clearTimeout(waiting);
      changed();
    });
    return input;
  }

  function chooseTherapy(row, where) {
    const select = document.createElement("select");
    const names = opening.inputs.map((input) => input.name);
    if (!names.includes(row.therapy)) names.push(row.therapy);
    select.innerHTML = names.map((name) => `<option value="${escapeText(name)}">${escapeText(name.replace(/_/g, " "))}</option>`).join("");
    select.value = row.therapy;
    select.setAttribute("aria-label", `drug, ${where}`);
    select.addEventListener("change", () => {
      row.therapy = select.value;
      const input = opening.inputs.find((one) => one.name === row.therapy);
      if (input && !input.units.includes(row.unit)) row.unit = input.unit;
      show();
      changed();
    });
    return select;
  }

  function tableRow(regimen, k, n) {
    const row = regimen.rows[n];
    const where = `row ${n + 1} of ${regimen.name}`;
    const line = document.createElement("tr");
    const add = (node) => line.appendChild(document.createElement("td")).append(node);
    add(chooseTherapy(row, where));
    for (const [name, label, width] of COLUMNS) add(cell(row, name, label, width, where));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "imo-small";
    remove.textContent = "remove";
    remove.setAttribute("aria-label", `remove ${where}`);
    remove.addEventListener("click", () => {
      regimen.rows.splice(n, 1);
      show();
      changed();
    });
    add(remove);
    const below = document.createElement("tr");
    below.className = "imo-below";
    below.innerHTML = `<td colspan="${COLUMNS.length + 2}"><span class="imo-options">${escapeText(optionsText(row.options))}</span> <span class="imo-problem" role="alert" id="imo-${key}-${where.replace(/\W+/g, "-")}"></span></td>`;
    places.set(`${k}/${n + 1}`, { problem: below.querySelector(".imo-problem"), line });
    below.hidden = !row.options || !Object.keys(row.options).length;
    return [line, below];
  }

  function newRow() {
    const input = opening.inputs[0];
    return { therapy: input.name, amount: "", unit: input.unit, start: "", every: "", count: "", over: "", options: {} };
  }

  function block(regimen, k) {
    const root = document.createElement("fieldset");
    root.className = "imo-regimen";
    const legend = document.createElement("legend");
    legend.innerHTML = `<svg width="34" height="10" aria-hidden="true"><line ${lineStyle(k)} x1="1" x2="33" y1="5" y2="5"/></svg>`;
    const name = document.createElement("input");
    name.type = "text";
    name.value = regimen.name;
    name.size = Math.max(12, regimen.name.length);
    name.setAttribute("aria-label", `name of regimen ${k + 1}`);
    name.addEventListener("change", () => {
      regimen.name = name.value.trim() || `regimen ${k + 1}`;
      show();
      changed();
    });
    legend.append(name);
    root.append(legend);
    if (regimen.rows.length) {
      const table = document.createElement("table");
      const heads = ["drug", ...COLUMNS.map(([, label]) => label), ""].map((text) => `<th scope="col">${text}</th>`);
      table.innerHTML = `<thead><tr>${heads.join("")}</tr></thead>`;
      const body = table.appendChild(document.createElement("tbody"));
      regimen.rows.forEach((_, n) => body.append(...tableRow(regimen, k, n)));
      root.append(table);
    } else {
      root.append(Object.assign(document.createElement("p"), { className: "imo-none", textContent: "No treatment." }));
    }
    const actions = root.appendChild(document.createElement("div"));
    actions.className = "imo-actions";
    const button = (text, label, act) => {
      const made = Object.assign(document.createElement("button"), { type: "button", className: "imo-small", textContent: text });
      made.setAttribute("aria-label", label);
      made.addEventListener("click", () => {
        act();
        show();
        changed();
      });
      actions.append(made);
    };
    if (opening.inputs.length) {
      button("add a row", `add a row to ${regimen.name}`, () => regimen.rows.push(regimen.rows.length ? structuredClone(regimen.rows.at(-1)) : newRow()));
    }
    button("copy regimen", `copy ${regimen.name} as a further regimen`, () => {
      const taken = regimens.map((one) => one.name);
      let number = 2;
      while (taken.includes(`${regimen.name} ${number}`)) number += 1;
      regimens.splice(k + 1, 0, { ...structuredClone(regimen), name: `${regimen.name} ${number}` });
    });
    if (regimens.length > 1) button("remove regimen", `remove the regimen ${regimen.name}`, () => regimens.splice(k, 1));
    return root;
  }

  function show() {
    places.clear();
    const lists = opening.inputs.map((input) => `<datalist id="imo-${key}-units-${input.name}">${input.units.map((u) => `<option value="${u}">`).join("")}</datalist>`);
    const hidden = document.createElement("div");
    hidden.hidden = true;
    hidden.innerHTML = lists.join("");
    host.replaceChildren(hidden, ...regimens.map(block));
  }

  return {
    set(given) {
      regimens = structuredClone(given);
      show();
    },
    problems(rows) {
      for (const { problem, line } of places.values()) {
        problem.textContent = "";
        problem.closest("tr").hidden = !problem.previousElementSibling.textContent;
        for (const input of line.querySelectorAll("input")) input.removeAttribute("aria-invalid");
      }
      for (const { regimen, row, text, cell: name } of rows) {
        const place = places.get(`${regimen}/${row}`);
        if (!place) continue;
        place.problem.textContent = `${place.problem.textContent} ${text}`.trim();
        place.problem.closest("tr").hidden = false;
        const index = COLUMNS.findIndex(([column]) => column === name);
        place.line.querySelectorAll("input")[index]?.setAttribute("aria-invalid", "true");
      }
    },
  };
}
