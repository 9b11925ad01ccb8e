// @ts-check
/// <reference lib="dom" />
/**
 * Building the page. Whatever a name or a message holds, it becomes a text node, never markup.
 *
 * @module
 */

/** @typedef {string | number | boolean | undefined | ((event: any) => void)} AttributeValue */
/** @typedef {Readonly<Record<string, AttributeValue>>} Attributes */

/**
 * An element. Functions become listeners, `true` an attribute without a value; `false` and undefined are left out.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/**
 * An element of a picture.
 *
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(string | Node)} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Writes a text where it differs, so that a selection or a screen reader's place in it survives an update.
 *
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A list in the page that follows a list of data: what has the same key keeps its element.
 *
 * @template Item
 * @param {Element} parent
 * @param {(item: Item) => string | number} keyOf
 * @param {(item: Item) => { readonly element: Element, readonly update: (item: Item) => void }} create
 * @returns {(items: readonly Item[]) => void}
 */
export function keyedChildren(parent, keyOf, create) {
  /** @type {Map<string | number, ReturnType<typeof create>>} */
  const children = new Map();
  return (items) => {
    const wanted = new Set(items.map(keyOf));
    for (const [key, { element }] of children) {
      if (wanted.has(key)) continue;
      element.remove();
      children.delete(key);
    }
    let place = parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      const child = children.get(key) ?? create(item);
      children.set(key, child);
      child.update(item);
      if (child.element === place) place = place.nextElementSibling;
      else parent.insertBefore(child.element, place);
    }
  };
}
