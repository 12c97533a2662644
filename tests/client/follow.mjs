// Follows a site as a page does, told what by one line of JSON, and prints what it sees as lines of JSON.
const told = JSON.parse(process.argv[2]);
const { openReplica, openStream, Parser, Clock, countdown } = await import(told.module);

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const options = { site: told.site, base: told.base, headers: { Authorization: `Bearer ${told.token}` } };

if (told.what === "parse") {
  for (const text of told.texts) {
    const bytes = Buffer.from(text, "latin1");
    for (const size of [1, 2, 3, 1000]) {
      const [parser, decoder, blocks] = [new Parser(), new TextDecoder(), []];
      for (let at = 0; at < bytes.length; at += size) {
        blocks.push(...parser.feed(decoder.decode(bytes.subarray(at, at + size), { stream: true })));
      }
      say(blocks.map(({ event, data, id }) => [event, data, id]));
    }
  }
} else if (told.what === "clock") {
  let local = 1_000_000;
  const clock = new Clock(() => local);
  clock.sample(999_000, 1_000_000, new Date(5_000_000).toISOString());
  clock.sample(999_990, 1_000_000, new Date(4_999_000).toISOString());
  clock.sample(999_400, 1_000_000, new Date(9_999_000).toISOString());
  say(clock.now());
  local += 1500;
  say(clock.until(new Date(5_001_505).toISOString()));
  clock.atLeast(new Date(4_000_000).toISOString());
  say(clock.now());
  clock.atLeast(new Date(6_000_000).toISOString());
  say(clock.now());
  const real = new Clock();
  const ticks = [];
  const began = Date.now();
  countdown(real, new Date(real.now() + 2300).toISOString(), (left) => {
    ticks.push([Math.round(left), Date.now() - began]);
    if (left === 0) say(ticks);
  });
} else if (told.what === "stream") {
  const stream = openStream({
    ...options, after: told.after, types: told.types, unit: told.unit, quietMs: told.quietMs,
    onEvent: (event, position) => say({ event: event.version, position, name: event.data.name }),
    onReset: (reset) => say({ reset }),
    onState: (state, problem) => say({ state, problem: problem?.code }),
  });
  process.stdin.on("end", () => { say({ position: stream.position }); stream.close(); });
  process.stdin.resume();
} else {
  const live = await openReplica({
    ...options, from: told.from, to: told.to, unit: told.unit,
    onChange: (event) => say({ event: event.version }),
    onReset: (reset) => say({ reset }),
    onState: (state) => say({ state }),
  });
  say({ begun: live.replica.version });
  process.stdin.on("end", () => {
    const { replica } = live;
    say({
      version: replica.version, units: Object.fromEntries(replica.units), bookings: Object.fromEntries(replica.bookings),
      blocks: [...replica.blocks.keys()].sort(), offBy: live.clock.now() - Date.now(),
    });
    live.close();
  });
  process.stdin.resume();
}
