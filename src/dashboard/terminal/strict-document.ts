/**
 * A document for xterm whose elements need no inline styles. Its renderer puts `<style>` elements into the page and
 * writes `style` attributes, and a policy of `style-src 'self'` forbids both. What a script does to the object model is
 * allowed: such an element becomes a constructed style sheet, such an attribute a change of `element.style`.
 */

/** For `documentOverride`. Gives the style sheets back with `dispose`. */
export function strictDocument(real: Document): { document: Document; dispose: () => void } {
  const sheets = new Set<CSSStyleSheet>();
  const remove = (sheet: CSSStyleSheet) => {
    sheets.delete(sheet);
    real.adoptedStyleSheets = real.adoptedStyleSheets.filter((one) => one !== sheet);
  };
  const createElement = (name: string): HTMLElement => {
    if (name === 'style') {
      const sheet = new CSSStyleSheet();
      sheets.add(sheet);
      real.adoptedStyleSheets = [...real.adoptedStyleSheets, sheet];
      return styleStandIn(real.createElement('span'), sheet, remove);
    }
    return withStyleAttribute(real.createElement(name));
  };
  const document = new Proxy(real, {
    get(target, key) {
      if (key === 'createElement') return createElement;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
  return {
    document,
    dispose: () => {
      for (const sheet of sheets) remove(sheet);
    },
  };
}

function styleStandIn(element: HTMLElement, sheet: CSSStyleSheet, remove: (sheet: CSSStyleSheet) => void): HTMLElement {
  element.hidden = true;
  Object.defineProperty(element, 'textContent', { set: (css: string) => sheet.replaceSync(css) });
  element.remove = () => {
    remove(sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}

function withStyleAttribute(element: HTMLElement): HTMLElement {
  element.setAttribute = (name: string, value: string) => {
    if (name === 'style') element.style.cssText = value;
    else HTMLElement.prototype.setAttribute.call(element, name, value);
  };
  return element;
}
