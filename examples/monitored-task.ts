import { background, PermanentError } from "rapidai/background";
import { getCollector } from "rapidai/monitoring";

interface Report {
  readonly pages: number;
}

async function process({ pages }: Report): Promise<{ words: number }> {
  if (pages === 0) throw new PermanentError("The document is empty.");
  return { words: pages * 250 };
}

// #region monitored-task
const monitoredTask = background({ maxRetries: 3 }, async function monitoredTask(data: Report) {
  const collector = getCollector();
  collector.recordMetric("jobs.started", 1);

  try {
    const result = await process(data);
    collector.recordMetric("jobs.completed", 1);
    collector.recordMetric("words.read", result.words);
    return result;
  } catch (error) {
    collector.recordMetric("jobs.failed", 1);
    throw error;
  }
});
// #endregion

// Jobs are counted automatically from the first call on; the handler records what only it knows.
const collector = getCollector();
const jobIds = await monitoredTask.enqueueMany([{ pages: 2 }, { pages: 4 }, { pages: 0 }]);
await Promise.all(jobIds.map((jobId) => monitoredTask.wait(jobId)));

for (const name of ["jobs.started", "jobs.completed", "jobs.failed", "words.read"]) {
  for (const metric of collector.getMetrics(name)) if ("sum" in metric) console.log(`${name}: ${metric.sum}`);
}
const { jobs } = collector.getSummary();
console.log(`Recorded automatically: ${jobs.started} started, ${jobs.completed} completed, ${jobs.failed} failed`);
