/** The colour and shape of a class: the same on buttons, bars and lists. The colours stand in style.css. */

const COLOURS = 8; // Okabe and Ito's set
const SHAPES = 3; // square, circle, diamond: beyond eight classes the colours come again in another shape

/**
 * Gives the CSS class of a label class. By id, not position: a rename, merge or addition never changes a colour.
 * @param {number} id
 */
export function colourOf(id) {
  return `colour-${id % COLOURS} shape-${Math.floor(id / COLOURS) % SHAPES}`;
}

/**
 * Gives the class an id stands for today, following merges; null when unknown.
 * @param {import("./types.js").LabelClass[]} classes
 * @param {number|null|undefined} id
 */
export function resolve(classes, id) {
  let found = classes.find((one) => one.id === id) ?? null;
  for (let hops = 0; found?.merged_into != null && hops < classes.length; hops += 1) {
    const into = found.merged_into;
    found = classes.find((one) => one.id === into) ?? null;
  }
  return found;
}

/**
 * Gives the classes one can choose, in the order of their keys.
 * @param {import("./types.js").LabelClass[]} classes
 */
export function choices(classes) {
  return classes.filter((one) => one.active && one.merged_into == null).sort((a, b) => a.position - b.position);
}
