// In and out: what the server shows, and what people do.

import { at } from "./dom.js";
import { see, seen } from "./state.js";

let stream = null;

// Call `draw` with each new picture, as somebody sees it.
export function watch(as, draw) {
  stream?.close();
  stream = new EventSource(`/picture?as=${encodeURIComponent(as)}`);
  stream.onmessage = (event) => { see(JSON.parse(event.data)); draw(); };
  stream.onerror = () => banner("This page lost its server. Start `ftjob try` again.");
  stream.onopen = () => banner("");
}

export async function pull(lever, asked) {
  const answer = await fetch(`/${lever}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ as: seen?.me, ...asked }) });
  const { said } = await answer.json();
  return { ok: answer.ok, said };
}

export async function act(asked) {
  at("said").textContent = "";
  const { said } = await pull("act", asked);
  at("said").textContent = said;
  return said;
}

function banner(text) {
  at("banner").hidden = !text;
  at("banner").textContent = text;
}
