// Gives the maps and lists of `$` the few Java methods that scripts written for the Java server call on them
// (B-32.3). They sit on a prototype, hidden from enumeration; a member of the same name wins.
(function (root) {
  'use strict';
  const has = Object.prototype.hasOwnProperty;
  const own = (map, key) => has.call(map, key);
  const methods = (target, table) => {
    for (const name of Object.keys(table)) {
      Object.defineProperty(target, name, { value: table[name], writable: true, configurable: true });
    }
    return target;
  };
  const map = methods(Object.create(Object.prototype), {
    get(key) { return own(this, key) ? this[key] : null; },
    getOrDefault(key, otherwise) { return own(this, key) ? this[key] : otherwise; },
    put(key, value) { const old = own(this, key) ? this[key] : null; this[key] = value; return old; },
    size() { return Object.keys(this).length; },
    isEmpty() { return Object.keys(this).length === 0; },
    containsKey(key) { return own(this, key); },
    keySet() { return Object.keys(this); },
    values() { return Object.values(this); },
  });
  methods(Array.prototype, {
    get(index) { return this[index]; },
    size() { return this.length; },
    isEmpty() { return this.length === 0; },
    contains(element) { return this.includes(element); },
  });
  const open = [root];
  while (open.length) {
    const value = open.pop();
    if (value === null || typeof value !== 'object') continue;
    if (!Array.isArray(value)) Object.setPrototypeOf(value, map);
    for (const key of Object.keys(value)) open.push(value[key]);
  }
})
