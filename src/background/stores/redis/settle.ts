import type { Attempt, Division } from "../../core/claimed-attempts.ts";
import type { ClaimedJob, SettleAnswer, Settlement } from "../../core/store.ts";
import { AttemptArguments } from "./attempt-arguments.ts";
import { CODE_OF, INLINE } from "./fields.ts";
import { answersIn } from "./letters.ts";
import { HEADS, HELD, OUTCOME, PLANS, PRELUDE, RECORDS, REMEMBER, WAIT } from "./prelude.ts";
import { REPORT, reportArguments } from "./report.ts";
import { type Script, script } from "./script.ts";
import { WAKE } from "./waiting-stores.ts";
import { wordOf } from "./words.ts";

/**
 * Ends attempts. Guard: the job is running under this token; if not, how the last attempt ended determines the answer.
 *
 * - Arguments: the number of groups of attempts that completed with nothing else to report; for each group its token, version
 *   and task (as in the key of the leases), the ids concatenated, and the results: `o`ne for all, `l`ines of one text, or
 *   `e`ach by itself. For all other attempts the number of tokens, and each; their ids concatenated; then for each run of
 *   equal ones its length, the number of the token, and what the jobs become (`c` `f` `p`) followed by flags; after it, for
 *   each attempt, the arguments of the flags in this order: those of a report, `e` the failure, `o` the result, `d` the
 *   delay. `u` (uncounted) and `z` (a loss) have none.
 * - Returns: a letter for each attempt, those of groups last: `s`ettled, `x` cancelled or `l`ost.
 *
 * Completing a job does not touch its record. It removes the lease, which is the guard for a whole group at once, and adds
 * the outcome to the index of completed jobs.
 */
export const SETTLE: Script = script(
  PRELUDE,
  RECORDS,
  HEADS,
  PLANS,
  OUTCOME,
  HELD,
  REPORT,
  REMEMBER,
  WAIT,
  WAKE,
  `
relieve()
local now, stamp = clock(call)
-- Fails before the first write if a key is not ours.
fit(base .. 'C', 'LLEN')
fit(base .. 'F')
local groups = {}
for number = 1, tonumber(take()) do
  local group = { token = take(), kind = take(), ids = takeIds(), how = take() }
  group.results = take()
  if group.how == 'e' then
    group.results = { group.results }
    for at = 2, #group.ids do group.results[at] = take() end
  end
  group.held = base .. 'r' .. group.kind
  group.completed = listOf(adds, base .. 'c' .. string.match(group.kind, ':(.*)$'))
  fit(group.held)
  groups[number] = group
end

local lanes, answers, finished, completed = {}, {}, {}, {}

local function keep(id, result)
  if #result <= ${INLINE} then return stamp .. '=' .. result end
  call('SET', base .. 'o' .. id, result)
  return stamp .. '@'
end

local function prepare(head)
  for _, kind in ipairs({ 'f', 'q' }) do fit(base .. kind .. head.task) end
  fit(base .. 'w' .. head.lane)
  fit(head.running)
  head.completed = listOf(adds, base .. 'c' .. head.task)
end

local function settle(id, head, at, token, to, flags)
  local function isSaid(flag) return find(flags, flag, 1, true) end
  local record = records[id]
  local plan, payloadAt = planOf(record, at)
  local body = sub(record, at)
  local new = { flags = report(id, flags, head.flags) }
  if isSaid('e') then
    remember(id, head.attempts, head.worker, textOf(head.first + head.since), stamp, take())
    new.flags = withFlag(new.flags, 'a')
  end
  local outcome = stamp .. '-'
  if isSaid('o') then outcome = keep(id, take()) end
  local delay, isLoss = isSaid('d') and tonumber(take()), isSaid('z')
  if isSaid('u') then new.attempts = textOf(head.attempts - 1) end
  if plan and (isLoss or delay) then
    local due, losses = delay and now + delay or plan.due, isLoss and plan.losses + 1 or plan.losses
    body = planText(plan.created, plan.retries, due, plan.limit, losses, plan.trace) .. sub(body, payloadAt - at + 1)
  end
  if to == 'p' then
    new.status, new.token, new.ended = 'p', '', 'p' .. token
    wait(id, head.task, head.lane, delay and now + delay or plan and plan.due or now)
    lanes[head.lane] = (lanes[head.lane] or 0) + 1
  elseif to == 'f' then
    new.status, new.done = 'f', stamp
    finished[#finished + 1] = id
    add(base .. 'f' .. head.task, '0', id)
    add(base .. 'F', stamp, id)
  else
    outcomes[id] = outcome
    push(completed, id)
    pushPair(head.completed, '0', id .. outcome)
  end
  drop(head.running, id .. token)
  write(id, headWith(head, new) .. body)
end

local function refuse(id, head, token, to)
  local ended = endOf(id, head, token)
  push(answers, ended == 'x' and 'x' or ended == to and 's' or 'l')
end

local tokens = {}
for number = 1, tonumber(take()) do tokens[number] = take() end
local ids = takeIds()
load(ids)
-- All before the first of them is settled, since a refused call is sent again.
for _, id in ipairs(ids) do
  local head = headOf(records[id])
  if head and not head.completed then prepare(head) end
end
local alike, token, to, flags = 0, nil, nil, nil
for _, id in ipairs(ids) do
  if alike == 0 then
    alike, token, flags = tonumber(take()), tokens[tonumber(take())], take()
    to, flags = sub(flags, 1, 1), sub(flags, 2)
  end
  alike = alike - 1
  local head, at = headOf(records[id])
  if isHeldBy(id, head, token) then
    settle(id, head, at, token, to, flags)
    push(answers, 's')
  else
    skip(flags)
    for _ in string.gmatch(flags, '[eod]') do take() end
    refuse(id, head, token, to)
  end
end

-- If some of a group no longer run under its token, the records show which still do.
local function completeAll(group)
  local ids, members = group.ids, {}
  for number = 1, #ids do members[number] = ids[number] .. group.token end
  local isWhole = many('ZREM', group.held, members) == #ids
  if not isWhole then load(ids) end
  local how, results, outcome, nextLine = group.how, group.results, nil, nil
  local entries, size, ended = group.completed, #group.completed, #completed
  if how == 'o' then outcome = stamp .. '=' .. results end
  if how == 'l' then nextLine = string.gmatch(results, '([^\\n]*)\\n') end
  for number = 1, #ids do
    local id = ids[number]
    if nextLine then outcome = stamp .. '=' .. nextLine() end
    local head = not isWhole and headOf(records[id])
    if isWhole or isHeldBy(id, head, group.token) then
      if how == 'e' then outcome = keep(id, results[number]) end
      ended = ended + 1
      completed[ended] = id
      entries[size + 1], entries[size + 2] = '0', id .. outcome
      size = size + 2
      if not isWhole then push(answers, 's') end
    else
      refuse(id, head, group.token, 'c')
    end
  end
  if isWhole then push(answers, string.rep('s', #ids)) end
end

for _, group in ipairs(groups) do completeAll(group) end
save()
move()
many('RPUSH', base .. 'C', completed)
wake(lanes, now)
local ended = table.concat(completed) .. table.concat(finished)
if ended ~= '' then publish('finished', ended) end
return table.concat(answers)
`,
);

const ANSWERS: Readonly<Record<string, SettleAnswer>> = { s: "settled", x: "cancelled", l: "lost" };

/** A job's version and task, as in the key of its lease. */
export function leaseKindOf({ v, task }: Pick<ClaimedJob, "v" | "task">): string {
  return `${v}:${task}`;
}

/** An attempt with the short id that the claim returned: shortening ids again is a tenth of a cold worker's computing time. */
export interface ClaimedAttempt extends Attempt {
  readonly shortId: string;
}

export function settleArguments(
  settlements: readonly Settlement[],
  { together, apart }: Division<ClaimedAttempt>,
): string[] {
  const args = [String(together.length)];
  for (const { token, kind, attempts, settlements } of together) {
    const ids = attempts.map(({ shortId }) => shortId).join("");
    args.push(wordOf(token), kind, ids, ...resultsOf(settlements));
  }
  const others = new AttemptArguments();
  const called: string[] = [];
  for (const place of apart) {
    const { id, token, to, patch, failure, result, delayMs, isUncounted, isLoss } = settlements[place] as Settlement;
    called.length = 0;
    let flags = CODE_OF[to];
    if (patch !== null) flags += reportArguments(called, patch);
    if (failure !== null) {
      flags += "e";
      called.push(JSON.stringify(failure));
    }
    if (result !== null && to === "completed") {
      flags += "o";
      called.push(result);
    }
    if (to === "pending" && delayMs !== null) {
      flags += "d";
      called.push(String(delayMs));
    }
    if (isUncounted) flags += "u";
    if (isLoss) flags += "z";
    others.add(id, token, flags, called);
  }
  return args.concat(others.list);
}

/** The results of a group with the letter for their form: one text is cheaper than an argument each. */
function resultsOf(settlements: readonly Settlement[]): string[] {
  const results = settlements.map(({ result }) => result as string);
  const [first = ""] = results;
  if (results.every((result) => result === first) && isLine(first)) return ["o", first];
  if (!results.every(isLine)) return ["e", ...results];
  return ["l", `${results.join("\n")}\n`];
}

/** Whether a result is short enough for the index and can be a line of a text. */
function isLine(result: string): boolean {
  return result.length <= INLINE && Buffer.byteLength(result) <= INLINE && !result.includes("\n");
}

export function settleAnswers(reply: string, { together, apart }: Division<Attempt>): SettleAnswer[] {
  const count = together.reduce((sum, { places }) => sum + places.length, apart.length);
  const given = answersIn(reply, count, ANSWERS);
  const answers = new Array<SettleAnswer>(count);
  let at = 0;
  for (const place of apart) answers[place] = given[at++] as SettleAnswer;
  for (const { places } of together) for (const place of places) answers[place] = given[at++] as SettleAnswer;
  return answers;
}
