"""The journal types of stores. A store's journal is written beside the desk, by syncs, with the rows they bring."""

STARTED = "sync.started"
PROGRESSED = "sync.progressed"
STAGE_ENDED = "sync.stage_ended"
ENDED = "sync.ended"
ORDERS_CHANGED = "orders.changed"
CONNECTION_CHANGED = "connection.changed"
LTV_COUNTED = "ltv.counted"
