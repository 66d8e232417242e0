// The part of Markdown that bots use, turned into elements piece by piece.

import { make, safeUrl } from "./dom.js";
import { state, userName, visibleChannels } from "./state.js";

const INLINE = [
  [/^```(?:[a-z0-9+-]*\n)?([\s\S]+?)```/i, (m) => make("pre", {}, make("code", {}, m[1]))],
  [/^`([^`\n]+)`/, (m) => make("code", {}, m[1])],
  [/^\\([^0-9A-Za-z\s])/, (m) => m[1]],
  [/^\*\*\*((?:\\[\s\S]|[^\\])+?)\*\*\*/, (m) => make("b", {}, make("i", {}, inline(m[1])))],
  [/^\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/, (m) => make("b", {}, inline(m[1]))],
  [/^__((?:\\[\s\S]|[^\\])+?)__/, (m) => make("u", {}, inline(m[1]))],
  [/^~~((?:\\[\s\S]|[^\\])+?)~~/, (m) => make("s", {}, inline(m[1]))],
  [/^\|\|((?:\\[\s\S]|[^\\])+?)\|\|/, (m) => spoiler(inline(m[1]))],
  [/^\*(?!\s)((?:\\[^\n]|[^*\\\n])+?)\*/, (m) => make("i", {}, inline(m[1]))],
  [/^_(?!\s)((?:\\[^\n]|[^_\\\n])+?)_(?!\w)/, (m) => make("i", {}, inline(m[1]))],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s)>]+)>?\)/, (m) => link(m[2], inline(m[1]))],
  [/^<(https?:\/\/[^\s>]+)>/, (m) => link(m[1], m[1])],
  [/^https?:\/\/[^\s<>)\]]+[^\s<>)\].,;:!?]/, (m) => link(m[0], m[0])],
  [/^<@!?(\d+)>/, (m) => mention(`@${userName(m[1])}`)],
  [/^<@&(\d+)>/, (m) => mention(`@${roleName(m[1])}`)],
  [/^<#(\d+)>/, (m) => mention(`#${visibleChannels().find((one) => one.id === m[1])?.name ?? "unknown"}`)],
  [/^<\/([-\w ]+):\d+>/, (m) => mention(`/${m[1]}`)],
  [/^<t:(\d+)(?::([a-zA-Z]))?>/, (m) => timestamp(Number(m[1]), m[2])],
  [/^<a?:(\w+):\d+>/, (m) => `:${m[1]}:`],
];

function inline(text) {
  const parts = [];
  let plain = "";
  while (text) {
    const found = INLINE.map(([pattern, build]) => [text.match(pattern), build]).find(([match]) => match);
    // an underscore inside a word is no emphasis
    if (found && !(text[0] === "_" && /\w$/.test(plain))) {
      if (plain) parts.push(plain);
      plain = "";
      parts.push(found[1](found[0]));
      text = text.slice(found[0][0].length);
    } else {
      plain += text[0];
      text = text.slice(1);
    }
  }
  if (plain) parts.push(plain);
  return parts.flat();
}

function link(address, content) {
  const href = safeUrl(address);
  return href ? make("a", { href, target: "_blank", rel: "noopener noreferrer" }, content) : content;
}

function mention(text) {
  return make("span", { class: "mention" }, text);
}

function roleName(id) {
  const roles = state.world?.guilds.flatMap((guild) => guild.roles) ?? [];
  return roles.find((role) => role.id === id)?.name ?? "role";
}

function spoiler(content) {
  const button = make(
    "button",
    { type: "button", class: "spoiler", "aria-label": "Spoiler, press to show" },
    content,
  );
  button.addEventListener("click", () => {
    button.classList.add("shown");
    button.removeAttribute("aria-label");
  });
  return button;
}

const TIMESTAMP_FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};

function timestamp(seconds, style) {
  const date = new Date(seconds * 1000);
  const text =
    style === "R"
      ? relative(seconds * 1000 - Date.now())
      : date.toLocaleString(undefined, TIMESTAMP_FORMATS[style] ?? TIMESTAMP_FORMATS.f);
  return make("time", { datetime: date.toISOString(), title: date.toLocaleString() }, text);
}

function relative(milliseconds) {
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const steps = [
    ["day", 86400e3],
    ["hour", 3600e3],
    ["minute", 60e3],
    ["second", 1e3],
  ];
  const [unit, size] = steps.find(([, length]) => Math.abs(milliseconds) >= length) ?? steps[3];
  return format.format(Math.round(milliseconds / size), unit);
}

const LINES = [
  [/^(#{1,3}) +(.+)$/, (m) => make(`h${m[1].length}`, { dir: "auto" }, inline(m[2]))],
  [/^-# +(.+)$/, (m) => make("div", { class: "small-print", dir: "auto" }, inline(m[1]))],
  [/^> ?(.*)$/, (m) => make("blockquote", { dir: "auto" }, inline(m[1]))],
];

// One block per line, so that each line finds its own direction; code blocks stay whole.
export function renderMarkdown(text) {
  const root = make("div", { class: "prose" });
  let list = null;
  for (const block of text.split(/(```[\s\S]+?```)/)) {
    if (block.startsWith("```") && block.length > 6) {
      root.append(...inline(block));
      continue;
    }
    for (const line of block.replace(/^\n|\n$/g, "").split("\n")) {
      if (line === "" && block.trim() === "") continue;
      list = addLine(root, list, line);
    }
    list = null;
  }
  return root;
}

function addLine(root, list, line) {
  const item = line.match(/^\s*(?:[-*]|(\d+)\.) +(.+)$/);
  if (item && !line.startsWith("-# ")) {
    const tag = item[1] ? "ol" : "ul";
    if (list?.tagName.toLowerCase() !== tag) {
      list = make(tag, { dir: "auto", start: item[1] });
      root.append(list);
    }
    list.append(make("li", { dir: "auto" }, inline(item[2])));
    return list;
  }
  for (const [pattern, build] of LINES) {
    const match = line.match(pattern);
    if (match) {
      root.append(build(match));
      return null;
    }
  }
  root.append(make("div", { dir: "auto" }, line ? inline(line) : make("br")));
  return null;
}
