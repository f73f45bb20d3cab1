// Sliders of parameters: position to value, bounds, unit and source; and the list from which further ones are added.

const POSITIONS = 1000;

function sliderValue(slider, position) {
  const share = position / POSITIONS;
  const value = slider.logarithmic ? slider.low * (slider.high / slider.low) ** share : slider.low + share * (slider.high - slider.low);
  const step = (slider.high - slider.low) / POSITIONS;
  const digits = slider.logarithmic ? 3 : Math.max(1, Math.min(15, Math.ceil(Math.log10(Math.abs(value) / step || 1)) + 1));
  return Math.min(slider.high, Math.max(slider.low, Number(value.toPrecision(digits))));
}

function sliderPosition(slider, value) {
  const share = slider.logarithmic ? Math.log(value / slider.low) / Math.log(slider.high / slider.low) : (value - slider.low) / (slider.high - slider.low);
  return Math.round(Math.min(1, Math.max(0, share || 0)) * POSITIONS);
}

function sliderTip(slider) {
  const unit = slider.unit ? ` ${slider.unit}` : "";
  const range = `${slider.low} to ${slider.high}${unit}`;
  const bounds = slider.stated ? `Bounds: ${range}.` : `The model states no bounds; the slider goes from ${range}.`;
  return `${slider.title ? slider.title + ". " : ""}${bounds} The model has ${slider.value}${unit}. Source: ${slider.source || "none stated"}.`;
}

function createSliders(host, opening, onChange, onList) {
  // `onChange(name, value)` for a moved slider; `onList(names)` when sliders are added or removed.
  const key = Math.random().toString(36).slice(2, 8);
  const rows = new Map();
  const values = {};

  function row(slider) {
    const root = document.createElement("div");
    root.className = "imo-slider";
    root.dataset.parameter = slider.name;
    const id = `imo-${key}-${slider.name}`;
    root.innerHTML =
      `<label for="${id}">${escapeText(slider.label)}</label>` +
      `<span class="imo-buttons"><button type="button" class="imo-small imo-back">reset</button><button type="button" class="imo-small imo-remove">remove</button></span>` +
      `<input type="range" id="${id}" min="0" max="${POSITIONS}" step="1" aria-describedby="${id}-tip">` +
      `<span class="imo-number"><input type="text" inputmode="decimal" aria-label="${escapeText(slider.label)}, value" aria-describedby="${id}-tip"> <span class="imo-unit">${escapeText(slider.unit)}</span></span>` +
      `<div role="tooltip" class="imo-tip" id="${id}-tip">${escapeText(sliderTip(slider))}</div><div class="imo-problem" role="status"></div>`;
    const [range, text] = root.querySelectorAll("input");
    const show = (value) => {
      values[slider.name] = value;
      range.value = sliderPosition(slider, value);
      text.value = Number.isFinite(value) ? String(value) : text.value;
      range.setAttribute("aria-valuetext", `${text.value} ${slider.unit}`);
    };
    range.addEventListener("input", () => {
      const value = sliderValue(slider, Number(range.value));
      values[slider.name] = value;
      text.value = String(value);
      range.setAttribute("aria-valuetext", `${value} ${slider.unit}`);
      onChange(slider.name, value);
    });
    text.addEventListener("change", () => {
      const value = text.value.trim() === "" ? null : Number(text.value.replace(",", "."));
      values[slider.name] = value;
      if (Number.isFinite(value)) show(value);
      onChange(slider.name, Number.isFinite(value) ? value : text.value);
    });
    root.querySelector(".imo-back").addEventListener("click", () => {
      show(slider.value);
      onChange(slider.name, slider.value);
    });
    root.querySelector(".imo-back").setAttribute("aria-label", `reset ${slider.label} to ${slider.value}`);
    root.querySelector(".imo-remove").setAttribute("aria-label", `remove the slider of ${slider.label}`);
    root.querySelector(".imo-remove").addEventListener("click", () => {
      rows.delete(slider.name);
      root.remove();
      delete values[slider.name];
      onList({ ...values });
      chooser.focus();
    });
    rows.set(slider.name, { root, show, problem: root.querySelector(".imo-problem") });
    show(slider.value);
    return root;
  }

  const list = document.createElement("div");
  const known = new Map(opening.parameters.map((slider) => [slider.name, slider]));
  const add = document.createElement("label");
  add.className = "imo-add";
  add.innerHTML =
    `<span>Add a parameter</span><input type="text" list="imo-${key}-list" placeholder="name or part of it" autocomplete="off">` +
    `<datalist id="imo-${key}-list">${opening.parameters.map((s) => `<option value="${escapeText(s.name)}">${escapeText(s.title)}</option>`).join("")}</datalist>`;
  const chooser = add.querySelector("input");
  chooser.addEventListener("change", () => {
    const slider = known.get(chooser.value.trim());
    if (!slider) return;
    chooser.value = "";
    if (rows.has(slider.name)) return;
    list.append(row(slider));
    onList({ ...values });
    rows.get(slider.name).root.querySelector("input").focus();
  });
  host.replaceChildren(list, add);

  return {
    set(parameters) {
      for (const [name, value] of Object.entries(parameters)) {
        if (!rows.has(name)) list.append(row(known.get(name)));
        rows.get(name).show(value);
      }
      for (const [name, made] of [...rows]) {
        if (!(name in parameters)) {
          made.root.remove();
          rows.delete(name);
          delete values[name];
        }
      }
    },
    problems(texts) {
      for (const [name, made] of rows) made.problem.textContent = texts[name] || "";
    },
  };
}
