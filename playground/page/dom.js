// Builds elements. Text only ever enters as text nodes, so nothing that a bot or person writes becomes markup.

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

// The custom_id of the component inside `root` that has the keyboard's focus; null when none has.
export function focusedComponent(root) {
  return root.contains(document.activeElement) ? (document.activeElement.dataset.customId ?? null) : null;
}

// Give the focus back to a component that lost it; never take it from where the person went meanwhile.
export function focusComponent(root, customId) {
  if (!customId || document.activeElement !== document.body) return;
  root.querySelector(`[data-custom-id="${CSS.escape(customId)}"]`)?.focus({ preventScroll: true });
}

// Only addresses of the web and of this playground become links or pictures.
export function safeUrl(text) {
  try {
    const url = new URL(text, location.href);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function shortTime(iso) {
  const moment = new Date(iso);
  const sameDay = moment.toDateString() === new Date().toDateString();
  return moment.toLocaleString(
    [],
    sameDay ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" },
  );
}
