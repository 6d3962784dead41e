"use strict";
// The slider of effect against days: the numbers are the plan's; without this file a field and a button do the same.
for (const form of document.querySelectorAll("form[data-weeks]")) {
  const weeks = JSON.parse(form.dataset.weeks);
  const input = form.querySelector("input[name=effect]");
  const answer = document.getElementById(form.dataset.answer);
  input.type = "range";
  form.querySelector("button").hidden = true;
  const shown = document.createElement("output");
  shown.setAttribute("for", input.id);
  input.after(shown);
  const say = () => {
    const effect = Number(input.value);
    const found = weeks.find(([least]) => least <= effect + 1e-9);
    shown.textContent = effect + " %";
    input.setAttribute("aria-valuetext", effect + " percent");
    answer.textContent = found
      ? "A change of " + effect + " % is shown after about " + found[1] + " days."
      : "A change of " + effect + " % is too small to be shown in the weeks of the table.";
  };
  input.addEventListener("input", say);
  say();
}
