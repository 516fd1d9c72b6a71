// A Plotly chart that is updated in place: zoom and legend choices survive, nothing blinks.
// The figure arrives whole at every update; theme colours ("@ink") and the grid of panels are settled here.

const drawn = new WeakMap();
const LEGEND_ENTRY = 165; // pixels that an entry of the legend needs
const LEGEND_LINE = 22;
const ROW = 180; // pixels of one of several rows of panels

// Plotly's bundle is fetched once for a page, and from the browser's cache ever after: its address names its version.
function plotly(address) {
  window.mtlLabPlotly ??= fetch(address, { cache: "force-cache" })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`no chart library: ${answer.status}`))))
    .then((source) => {
      const script = document.createElement("script");
      script.textContent = source;
      document.head.append(script);
      script.remove();
      return window.Plotly;
    });
  return window.mtlLabPlotly;
}

function rgb(colour) {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

function palette(element) {
  const style = getComputedStyle(element);
  const ink = rgb(style.getPropertyValue("--st-text-color") || style.color);
  const paper = rgb(style.getPropertyValue("--st-background-color") || "#fff");
  const mix = (share) => ink.map((level, i) => Math.round(level * share + paper[i] * (1 - share)));
  const dark = paper[0] + paper[1] + paper[2] < 384;
  return { ink, paper, faint: mix(0.16), middle: dark ? mix(0.12) : [255, 255, 255], font: style.fontFamily, dark };
}

function themed(value, theme) {
  if (Array.isArray(value)) return value.map((item) => themed(item, theme));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, themed(item, theme)]));
  }
  if (typeof value !== "string") return value;
  const [, name, opacity] = value.match(/^@(ink|paper|faint|middle)(?:\/([\d.]+))?$/) ?? [];
  return name ? `rgba(${theme[name].join(",")},${opacity ?? 1})` : value;
}

// Small multiples stand side by side where there is room, else one under the other.
function arranged(layout, data, width) {
  if (!data.panels) return { ...layout, width, height: data.height };
  const entries = data.traces.filter((trace) => trace.showlegend).length;
  const lines = Math.ceil((entries * LEGEND_ENTRY) / width);
  const margin = { ...layout.margin, t: layout.margin.t + LEGEND_LINE * Math.max(lines - 1, 0) };
  const columns = Math.max(1, Math.min(data.panels, Math.floor(width / data.panel_width)));
  const rows = Math.ceil(data.panels / columns);
  const even = Math.ceil(data.panels / rows);
  const edges = margin.t + margin.b;
  const gap = rows > 1 ? 0.34 : 0;
  const height = rows > 1 ? edges + rows * Math.min(data.height - edges, ROW) : data.height;
  const grid = { rows, columns: even, pattern: "independent", xgap: 0.16, ygap: gap };
  return { ...layout, grid, width, height, margin };
}

async function draw(host, data) {
  const Plotly = await plotly(data.bundle);
  const width = host.clientWidth;
  if (!host.isConnected || width === 0) return;
  const theme = palette(host);
  const layout = themed(arranged(data.layout, data, width), theme);
  layout.font = { ...layout.font, family: theme.font, color: `rgb(${theme.ink.join(",")})` };
  layout.hoverlabel = { bgcolor: `rgb(${theme.paper.join(",")})`, font: { family: theme.font }, ...layout.hoverlabel };
  host.style.height = `${layout.height}px`;
  await Plotly.react(host, themed(data.traces, theme), layout, { displayModeBar: false, responsive: false });
  host.dataset.points = Math.max(0, ...data.traces.map((trace) => (trace.x ?? trace.z ?? []).length));
  host.dataset.updates = Number(host.dataset.updates ?? 0) + 1;
  host.dataset.revision = layout.uirevision ?? "";
}

// One drawing at a time, always of the newest figure: Plotly must not be asked anew, or cleared, while it draws.
function redraw(state) {
  if (state.waiting) return;
  state.waiting = true;
  state.drawing = state.drawing.then(() => {
    state.waiting = false;
    return draw(state.host, state.data).catch((problem) => console.error(problem));
  });
}

function begin(parentElement) {
  const host = document.createElement("div");
  host.dataset.testid = "live-chart";
  host.setAttribute("role", "img");
  parentElement.append(host);
  const state = { host, drawing: Promise.resolve(), waiting: false, width: 0 };
  state.watch = new ResizeObserver(() => {
    if (!host.clientWidth || host.clientWidth === state.width) return;
    state.width = host.clientWidth;
    redraw(state);
  });
  drawn.set(parentElement, state);
  return state;
}

function end(parentElement, state) {
  state.watch.disconnect();
  drawn.delete(parentElement);
  state.drawing.then(() => {
    window.Plotly?.purge(state.host);
    state.host.remove();
  });
}

export default function ({ parentElement, data }) {
  const state = drawn.get(parentElement) ?? begin(parentElement);
  state.data = data;
  state.host.dataset.chart = data.name;
  state.host.setAttribute("aria-label", data.alt);
  state.host.style.minHeight = `${data.height}px`;
  state.width = state.host.clientWidth;
  redraw(state);
  state.watch.observe(state.host);
  return () => end(parentElement, state);
}
