// Reads lines of {secret, headers, body} and says how many the package verifies; and that it refuses each of them with
// a byte changed, and a message of an hour ago.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

let verified = 0, altered = 0, old = 0, all = 0;
const refused = (webhook, body, headers) => {
  try { webhook.verify(body, headers); return 0; } catch { return 1; }
};
for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  const webhook = new Webhook(secret);
  ++all;
  try { webhook.verify(body, headers); ++verified; } catch (error) { console.error(error.message); }
  altered += refused(webhook, body.slice(0, -1) + " ", headers);
  const before = Number(headers["webhook-timestamp"]) - 3600;
  const signature = webhook.sign(headers["webhook-id"], new Date(before * 1000), body);
  old += refused(webhook, body, { ...headers, "webhook-timestamp": String(before), "webhook-signature": signature });
}
console.log(JSON.stringify({ all, verified, altered_refused: altered, old_refused: old }));
