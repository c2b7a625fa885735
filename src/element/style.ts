/**
 * How `<tabpc-screen>` looks. Pages theme it by custom properties (--tabpc-*) and parts; see docs/embedding.md.
 */
export const css = `
:host {
  --tabpc-accent: #f0a13a;
  --tabpc-surface: #14161b;
  --tabpc-text: #e8e9ed;
  --tabpc-dim: #9aa0ad;
  --tabpc-danger: #ff7b72;
  --tabpc-radius: 10px;
  --tabpc-font: system-ui, sans-serif;
  display: block;
  position: relative;
  max-width: 100%;
  color: var(--tabpc-text);
  background: var(--tabpc-surface);
  border-radius: var(--tabpc-radius);
  font: 14px/1.45 var(--tabpc-font);
  overflow: hidden;
}
:host([hidden]) { display: none; }
.frame { display: flex; flex-direction: column; height: 100%; }
.stage {
  position: relative;
  flex: 1 1 auto;
  min-height: 0;
  aspect-ratio: 720 / 400;
  background: #000;
  outline: none;
  touch-action: none;
  cursor: default;
}
.stage:focus-visible::after {
  content: "";
  position: absolute;
  inset: 0;
  box-shadow: inset 0 0 0 2px var(--tabpc-accent);
  pointer-events: none;
}
canvas { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; image-rendering: var(--tabpc-rendering, auto); }
.cover {
  position: absolute;
  inset: 0;
  display: grid;
  place-content: center;
  justify-items: center;
  gap: 12px;
  padding: 20px;
  text-align: center;
  background: rgb(10 11 14 / 0.82);
}
.cover[hidden] { display: none; }
.cover p { margin: 0 auto; max-width: 46ch; }
.hint { color: var(--tabpc-dim); }
.error { color: var(--tabpc-danger); font-weight: 600; }
progress { width: min(320px, 70vw); height: 6px; appearance: none; border: 0; border-radius: 3px; overflow: hidden; background: #2b2f38; }
progress::-webkit-progress-bar { background: #2b2f38; }
progress::-webkit-progress-value { background: var(--tabpc-accent); transition: width 0.2s; }
progress::-moz-progress-bar { background: var(--tabpc-accent); }
button {
  font: inherit;
  color: inherit;
  background: transparent;
  border: 0;
  border-radius: 7px;
  padding: 7px;
  min-width: 36px;
  min-height: 36px;
  display: inline-grid;
  place-items: center;
  cursor: pointer;
}
button:hover { background: rgb(255 255 255 / 0.1); }
button:focus-visible { outline: 2px solid var(--tabpc-accent); outline-offset: -2px; }
button[aria-pressed="true"] { color: var(--tabpc-accent); }
button:disabled { opacity: 0.4; cursor: default; }
.big { background: var(--tabpc-accent); color: #16130c; padding: 10px 20px; font-weight: 650; border-radius: 999px; }
.big:hover { background: var(--tabpc-accent); filter: brightness(1.1); }
svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.controls { display: flex; align-items: center; gap: 2px; padding: 4px 6px; flex: none; }
.controls[hidden] { display: none; }
.status { flex: 1; min-width: 0; padding: 0 8px; color: var(--tabpc-dim); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
select { font: inherit; color: inherit; background: transparent; border: 0; padding: 6px 2px; border-radius: 7px; }
select option { color: #111; background: #fff; }
.light { width: 8px; height: 8px; border-radius: 50%; background: #353a45; flex: none; transition: background 0.15s; }
.light[data-on] { background: var(--tabpc-accent); }
.touch { position: absolute; bottom: 0; left: 0; width: 1px; height: 1px; opacity: 0; border: 0; padding: 0; resize: none; font-size: 16px; }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:host(:fullscreen) { border-radius: 0; width: 100vw; height: 100vh; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media (max-width: 460px) { .status { display: none; } .controls { justify-content: space-between; } }
`
