// A real socket.io-client: what it hears goes to standard output, what it is to do comes from standard input, one JSON
// value a line each. Given a `wizard`, it also does what the replaced frontend's effect does.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { folder, url, options, wizard, token } = JSON.parse(process.argv[2]);
const { io } = createRequire(`${folder}/`)("socket.io-client");
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const socket = io(url, { reconnectionDelay: 100, reconnectionDelayMax: 300, ...options });

socket.io.on("open", () => socket.io.engine.on("upgrade", (transport) => tell({ is: "upgrade", transport: transport.name })));
socket.on("connect", () => tell({ is: "connect", recovered: socket.recovered }));
socket.on("disconnect", (reason) => tell({ is: "disconnect", reason }));
socket.on("connect_error", (error) => tell({ is: "connect_error", message: error.message, data: error.data ?? null }));
socket.onAny((event, ...args) => tell({ is: "event", event, args }));

if (wizard) {
  const { ground, date } = wizard;
  const api = {
    get: async (path, { params }) => {
      const answer = await fetch(`${url}${path}?${new URLSearchParams(params)}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return { data: await answer.json() };
    },
  };
  const setSlots = (slots) => tell({ is: "slots", slots });
  // as documented, word for word
  const handleBookingUpdate = (data) => {
    const booking = data?.booking;
    if (booking && booking.ground === ground && booking.date === date) {
      api.get("/bookings/availability", { params: { date, ground } })
        .then(({ data }) => setSlots(data?.data?.slots || []));
    }
  };
  socket.on("booking:created", handleBookingUpdate);
  socket.on("booking:approved", handleBookingUpdate);
  socket.on("booking:rejected", handleBookingUpdate);
  socket.on("booking:revoked", handleBookingUpdate);
  // the line that the guide asks to add
  socket.on("booking:cancelled", handleBookingUpdate);
}

// a page whose refetch fails goes on; Node.js would not
process.on("unhandledRejection", () => {});

createInterface({ input: process.stdin }).on("line", (line) => {
  const { emit, args, raw } = JSON.parse(line);
  if (raw) socket.io.engine.write(raw);
  else if (emit) socket.emit(emit, ...(args ?? []), (answer) => tell({ is: "answer", event: emit, answer }));
  else socket.disconnect();
}).on("close", () => process.exit(0));
