// One operation under a constant number of clients, each sending its next request when the last was answered.
// PLAN names a JSON file: {operation, clients, seconds, base, salt, token, password, users, subjects}.
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';

const plan = JSON.parse(open(__ENV.PLAN));

export const options = {
  scenarios: {
    load: { executor: 'constant-vus', vus: plan.clients, duration: `${plan.seconds}s`, gracefulStop: '30s' },
  },
  summaryTrendStats: ['avg', 'p(50)', 'p(95)', 'p(99)', 'max'],
  discardResponseBodies: true,
  setupTimeout: '60s',
};

const answered = new Trend('answered', true); // milliseconds of what was answered
const refused = new Counter('refused'); // 429 and 503: asked to come again
const failed = new Counter('failed'); // anything else

const signedIn = { headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${plan.token}` } };
const anonymous = { headers: { 'Content-Type': 'application/json' } };

const operations = {
  health: () => http.get(`${plan.base}/health`),
  claim_submit: (number, subject) =>
    http.post(
      `${plan.base}/api/v1/claims/submit`,
      JSON.stringify({
        patient_id: subject.patient_id,
        provider_id: plan.provider,
        service_code: '83600-00-10',
        amount: 180.0 + (number % 500),
        diagnosis_codes: ['J06.9'],
        service_date: plan.today,
        notes: `${plan.salt} ${number}`, // no two claims alike: a repeated one would only be answered again
      }),
      signedIn,
    ),
  policy_validation: (number, subject) =>
    http.post(
      `${plan.base}/api/v1/policies/validate`,
      JSON.stringify({
        policy_number: subject.policy_number,
        patient_id: subject.member_number,
        service_code: '83600-00-10',
        amount: 180.0,
      }),
      signedIn,
    ),
  patient_lookup: (number, subject) => http.get(`${plan.base}/api/v1/patients/${subject.patient_id}`, signedIn),
  login: (number) =>
    http.post(
      `${plan.base}/api/v1/auth/login`,
      JSON.stringify({ email: plan.users[number % plan.users.length], password: plan.password }),
      anonymous,
    ),
};

export default function () {
  const number = exec.scenario.iterationInTest;
  const answer = operations[plan.operation](number, plan.subjects[number % plan.subjects.length]);
  if (answer.status >= 200 && answer.status < 300) {
    answered.add(answer.timings.duration);
  } else if (answer.status === 429 || answer.status === 503) {
    refused.add(1);
    sleep(Number(answer.headers['Retry-After'] || 1)); // as a client should
  } else {
    failed.add(1);
  }
}

export function handleSummary(data) {
  return { stdout: JSON.stringify(data.metrics) };
}
