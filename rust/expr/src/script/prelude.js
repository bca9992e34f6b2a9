// Runs before a script that names them: makes time and chance functions of what was given. Gives what reading a
// date in the result needs, before the script can replace it.
(function (now, seed) {
  'use strict';
  const RealDate = Date;
  const construct = Reflect.construct;
  function FixedDate(...parts) {
    if (!new.target) return new RealDate(now).toString();
    return construct(RealDate, parts.length ? parts : [now], new.target === FixedDate ? RealDate : new.target);
  }
  const hidden = (object, name, value) =>
    Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
  FixedDate.prototype = RealDate.prototype;
  hidden(FixedDate, 'name', 'Date');
  hidden(FixedDate, 'length', 7);
  hidden(FixedDate, 'now', () => now);
  hidden(FixedDate, 'UTC', RealDate.UTC);
  hidden(FixedDate, 'parse', RealDate.parse);
  hidden(RealDate.prototype, 'constructor', FixedDate);
  hidden(globalThis, 'Date', FixedDate);
  const imul = Math.imul;
  let state = seed | 0;
  hidden(Math, 'random', function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = imul(state ^ (state >>> 15), 1 | state);
    t = (t + imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  });
  return [RealDate.prototype.toISOString, FixedDate];
})
