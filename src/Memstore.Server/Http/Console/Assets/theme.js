// Runs before the page is drawn, so that no other theme flashes up.
"use strict";
{
  const theme = localStorage.getItem("memstore.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
}
