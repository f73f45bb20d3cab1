// Shows those rows of the table of models that match all filters, and says how many there are.
document.querySelectorAll(".model-table").forEach((place) => {
  const form = place.querySelector("form");
  const rows = [...place.querySelectorAll("tbody tr")];
  const words = form.querySelector("input");
  const selects = [...form.querySelectorAll("select")];

  function matches(row) {
    const text = row.textContent.toLowerCase();
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    return (
      wanted.every((word) => text.includes(word)) &&
      selects.every((s) => !s.value || row.getAttribute(`data-${s.dataset.column}`).split("|").includes(s.value))
    );
  }

  function update() {
    rows.forEach((row) => (row.hidden = !matches(row)));
    form.querySelector("output").value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} models`;
  }

  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  update();
});
