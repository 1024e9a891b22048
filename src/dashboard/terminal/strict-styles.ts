/**
 * Lets xterm work under a policy of `style-src 'self'`. Its renderer puts `<style>` elements into the page and sets `style`
 * attributes, which the policy forbids. The policy allows scripts to change styles through the CSSOM. Therefore, while a
 * terminal is open, `createElement('style')` returns a constructed style sheet, and setting a `style` attribute changes
 * `element.style`. (xterm's own `documentOverride` does not cover its viewport and its rows.)
 */

let terminals = 0;

/** Replaces `document.createElement`. The returned function restores it; call it when the terminal is closed. */
export function strictStyles(): () => void {
  if (terminals++ === 0) document.createElement = createElement as typeof document.createElement;
  return () => {
    // Deleting the own property restores the method of the prototype.
    if (--terminals === 0) delete (document as { createElement?: unknown }).createElement;
  };
}

function createElement(name: string, options?: ElementCreationOptions): HTMLElement {
  if (name === 'style') return styleStandIn();
  const element = Document.prototype.createElement.call(document, name, options);
  element.setAttribute = setAttribute;
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

function styleStandIn(): HTMLElement {
  const sheet = new CSSStyleSheet();
  const element = Document.prototype.createElement.call(document, 'span') as HTMLElement;
  element.hidden = true;
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', { set: (css: string) => sheet.replaceSync(css) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}
