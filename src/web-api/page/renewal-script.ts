/**
 * Keeps the page as it is now without a reload: asks for it again and exchanges the parts that changed, so that neither the place nor the
 * selection of a reader is lost. When the gate does not answer, the page says so: an old page must not look like a quiet gate.
 */
export const renewalScript = `
"use strict";
const stale = document.getElementById("stale");
async function renew() {
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = [...fresh.querySelectorAll("[data-part]")];
    const known = parts.every((part) => document.getElementById(part.id));
    if (!known || document.querySelectorAll("[data-part]").length !== parts.length) return location.reload();
    for (const part of parts) {
      const old = document.getElementById(part.id);
      if (old.className !== part.className) old.className = part.className;
      if (old.innerHTML !== part.innerHTML) old.replaceChildren(...part.childNodes);
    }
    document.title = fresh.title;
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
  setTimeout(renew, 3000);
}
setTimeout(renew, 3000);
`;
