import { background } from "rapidai/background";

const emailService = {
  async send(to: string, subject: string, body: string) {
    console.log(`To ${to}: ${subject} ${body}`);
  },
};

// #region basic-usage
const sendEmail = background(async function sendEmail(email: { to: string; subject: string; body: string }) {
  await emailService.send(email.to, email.subject, email.body);
  return { sent: true };
});

const jobId = await sendEmail.enqueue({ to: "user@example.com", subject: "Hello.", body: "Welcome!" });
// #endregion

console.log(`Job ${jobId} is queued; this program continues.`);
const job = await sendEmail.wait(jobId);
console.log(`It is ${job.status}:`, job.result);
