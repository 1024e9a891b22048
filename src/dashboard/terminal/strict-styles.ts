/**
 * Lets xterm work under a policy of `style-src 'self'`. Its renderer puts `<style>` elements into the page and writes
 * `style` attributes, which that policy forbids; what a script does to the object model it allows. While a terminal is
 * open a `<style>` that is created becomes a constructed style sheet, and a `style` attribute that is set a change of
 * `element.style`. (xterm's own `documentOverride` does not reach its viewport and its rows.)
 */

let terminals = 0;

/** Call what it returns when the terminal is gone. */
export function strictStyles(): () => void {
  if (terminals++ === 0) document.createElement = createElement as typeof document.createElement;
  return () => {
    // The method itself is the prototype's.
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
