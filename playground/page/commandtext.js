// Reads what is typed after "/": which commands it may mean, and the values of a command's options.

import { localized } from "./state.js";

export const OptionType = {
  SUBCOMMAND: 1,
  GROUP: 2,
  STRING: 3,
  INTEGER: 4,
  BOOLEAN: 5,
  USER: 6,
  CHANNEL: 7,
  ROLE: 8,
  MENTIONABLE: 9,
  NUMBER: 10,
  ATTACHMENT: 11,
};

// How well a typed name fits the name of a command; smaller is better.
const Rank = { EXACT: 0, PREFIX: 1, WORD: 2, PART: 3, LETTERS: 4, TYPO: 5, GROUP: 6, NONE: 7 };
const TYPO_LENGTH = 4; // a shorter name with two wrong letters may be anything
const MAX_TYPOS = 2;

// Every slash command, with an entry of its own for each subcommand: { name, description, options }.
export function commandEntries(commands) {
  return commands.filter((command) => command.type === 1).flatMap((command) => leaves(command.name, command));
}

function leaves(name, node) {
  const options = node.options ?? [];
  const nested = options.filter((option) => option.type <= OptionType.GROUP);
  if (!nested.length) return [{ name, description: localized(node, "description"), options }];
  return nested.flatMap((option) => leaves(`${name} ${option.name}`, option));
}

// The text after the slash when a message is meant as a command, else null. "// x" and "/ x" are ordinary text.
export function commandQuery(text) {
  return /^\/(?:$|[-_\p{L}\p{N}])/u.test(text) ? text.slice(1) : null;
}

// The entries that the query may mean, best first, each with the text that follows the name.
// `approximate` tells that none of them has what was typed in its name.
export function findCommands(entries, query) {
  const matches = entries.map((entry) => matchEntry(entry, query)).filter((match) => match.rank < Rank.NONE);
  const best = Math.min(...matches.map((match) => match.rank));
  const approximate = best >= Rank.TYPO;
  const shown = matches.filter((match) => (approximate ? match.rank === best : match.rank < Rank.TYPO));
  return { matches: shown.sort((a, b) => a.rank - b.rank), approximate };
}

// The command that a space after its name picks: a whole name, or the beginning of just one.
export function commandBeforeSpace(entries, query) {
  const ended = entries.map((entry) => matchEntry(entry, query)).filter((match) => match.ended);
  const prefixes = ended.filter((match) => match.rank === Rank.PREFIX && match.typed);
  return ended.find((match) => match.rank === Rank.EXACT) ?? (prefixes.length === 1 ? prefixes[0] : null);
}

function matchEntry(entry, query) {
  const words = entry.name.split(" ").length;
  const head = query.match(new RegExp(`^\\S*(?:\\s+\\S+){0,${words - 1}}`))[0];
  const typed = head.replace(/\s+/g, " ").toLowerCase();
  const rank = rankName(entry.name, typed);
  if (rank < Rank.NONE) return { entry, rank, typed, rest: query.slice(head.length).trim(), ended: head.length < query.length };
  const [group, ...others] = query.trim().split(/\s+/);
  const isGroup = words > 1 && entry.name.startsWith(`${group.toLowerCase()} `);
  return { entry, rank: isGroup ? Rank.GROUP : Rank.NONE, typed, rest: others.join(" "), ended: false };
}

function rankName(name, typed) {
  if (name === typed) return Rank.EXACT;
  if (name.startsWith(typed)) return Rank.PREFIX;
  if (name.split(/[ -]/).some((word) => word.startsWith(typed))) return Rank.WORD;
  if (name.includes(typed)) return Rank.PART;
  if (typed.length > 1 && isSubsequence(typed.replaceAll(" ", ""), name)) return Rank.LETTERS;
  if (typed.length >= TYPO_LENGTH && editDistance(typed, name) <= MAX_TYPOS) return Rank.TYPO;
  return Rank.NONE;
}

function isSubsequence(typed, name) {
  let found = 0;
  for (const letter of name) if (letter === typed[found]) found++;
  return found === typed.length;
}

// Insertions, deletions, replacements, and swaps of neighbours that turn one word into the other.
function editDistance(a, b) {
  const rows = [[...Array(b.length + 1).keys()]];
  for (let i = 1; i <= a.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + Number(a[i - 1] !== b[j - 1]);
      rows[i].push(Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.length][b.length];
}

// Splits "a red star steps:20" into the text before the first option, and the text of each option that is named.
// Attachments cannot be typed, so their names stay text.
export function parseOptions(options, text) {
  const names = options.filter((option) => option.type !== OptionType.ATTACHMENT).map((option) => option.name);
  const values = new Map();
  if (!names.length) return { text: text.trim(), values };
  const parts = text.split(new RegExp(`(?:^|\\s)(${names.join("|")}):`, "iu"));
  for (let index = 1; index < parts.length; index += 2) values.set(parts[index].toLowerCase(), parts[index + 1].trim());
  return { text: parts[0].trim(), values };
}

// The option that takes text without a name: the first required string that has no value yet, or the first string.
export function defaultOption(options, values = new Map()) {
  const strings = options.filter((option) => option.type === OptionType.STRING && !values.has(option.name));
  return strings.find((option) => option.required) ?? strings[0];
}
