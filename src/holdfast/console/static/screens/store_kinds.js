/** The kinds of source there are, with what each is told openly and what it keeps secret: one row for each field. */

/**
 * `list` are the values there are; `secret` is never shown again; `kind` is how it is written.
 * @typedef {{name: string, secret?: boolean, required?: boolean, kind?: "text" | "url" | "zone" | "number" | "json", list?: string[], placeholder?: string, first?: string}} Told
 * @typedef {{icon: string, streams: string[] | null, fields: Told[], hasMapping?: boolean}} Kind
 */

const STREAM = { name: "stream", list: ["orders", "ads"], first: "orders" };

/** @type {Record<string, Kind>} `streams` null: as it is told */
export const KINDS = {
  shopify: {
    icon: "store", streams: ["orders"], fields: [
      { name: "address", required: true, kind: "url", placeholder: "https://example.myshopify.com" },
      { name: "access_token", secret: true, required: true }, { name: "webhook_secret", secret: true },
    ],
  },
  meta_ads: {
    icon: "chart", streams: ["ads"], fields: [
      { name: "account", required: true, placeholder: "act_1234567890" }, { name: "time_zone", kind: "zone" }, { name: "access_token", secret: true, required: true },
    ],
  },
  google_ads: {
    icon: "chart", streams: ["ads"], fields: [
      { name: "customer", required: true, placeholder: "123-456-7890" }, { name: "login_customer", placeholder: "123-456-7890" }, { name: "time_zone", kind: "zone" },
      { name: "developer_token", secret: true, required: true }, { name: "client_id", secret: true, required: true }, { name: "client_secret", secret: true, required: true }, { name: "refresh_token", secret: true, required: true },
    ],
  },
  rest: {
    icon: "globe", streams: null, hasMapping: true, fields: [
      { name: "url", required: true, kind: "url", placeholder: "https://shop.example.org/api/orders" }, STREAM, { name: "rows", placeholder: "data.orders" },
      { name: "paging", list: ["none", "page", "offset", "cursor", "link"], first: "page" }, { name: "cursor", placeholder: "next_cursor" }, { name: "since_param", placeholder: "updated_after" },
      { name: "count", placeholder: "meta.total" }, { name: "access_token", secret: true },
    ],
  },
  upload: { icon: "upload", streams: null, hasMapping: true, fields: [STREAM] },
  resource: { icon: "command", streams: null, hasMapping: true, fields: [{ name: "resource", required: true, placeholder: "my_shop" }, STREAM] },
};

/** Our members that a row may have, by what it is; those that must be there first. @type {Record<string, {needed: string[], more: string[]}>} */
export const MEMBERS = {
  orders: { needed: ["id", "updated_at", "placed_at", "gross"], more: ["currency", "discounts", "customer_id", "email"] },
  ads: { needed: ["day", "campaign_id", "spend"], more: ["campaign", "currency"] },
};

/** Rules that most want, by name. @type {[string, string][]} */
export const RULES = [["minute", "* * * * *"], ["quarter", "*/15 * * * *"], ["hour", "0 * * * *"], ["night", "30 3 * * *"]];
/** When the last of them is due. */
export const NIGHT = "03:30";
