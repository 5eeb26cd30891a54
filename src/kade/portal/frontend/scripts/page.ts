// What every page does: buttons that only work with scripts appear.
for (const button of document.querySelectorAll<HTMLButtonElement>(".with-script")) {
  button.hidden = false;
  if (button.dataset["do"] === "print") button.addEventListener("click", () => window.print());
}
