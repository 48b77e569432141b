/** Smallest situations in which the rules are put to the test. */
import type { Scenario } from '../language.ts';
import { createIrqfd, inject, setRouting, wakeUp } from './irqfd-route.ts';

/** The route changes while a device signals from its interrupt. */
export const routingRacesSignal: Scenario = ({ thread, interrupt, stays }) => {
  const irqfd = createIrqfd();
  stays(irqfd, irqfd.kvm);
  interrupt(() => wakeUp(irqfd));
  thread(() => setRouting(irqfd, 'second'));
};

/** The route changes while a work item looks into the table. */
export const routingRacesInjection: Scenario = ({ thread, stays }) => {
  const irqfd = createIrqfd();
  stays(irqfd, irqfd.kvm);
  thread(() => inject(irqfd));
  thread(() => setRouting(irqfd, 'second'));
};

/** It changes twice: what is read may be two changes old. */
export const twoChanges: Scenario = ({ thread, interrupt, stays }) => {
  const irqfd = createIrqfd();
  stays(irqfd, irqfd.kvm);
  interrupt(() => wakeUp(irqfd));
  thread(() => {
    setRouting(irqfd, 'second');
    setRouting(irqfd, 'third');
  });
};

/** Two change it at once, and two devices signal. */
export const twoWriters: Scenario = ({ thread, interrupt, stays }) => {
  const irqfd = createIrqfd();
  stays(irqfd, irqfd.kvm);
  interrupt(() => wakeUp(irqfd));
  interrupt(() => wakeUp(irqfd));
  thread(() => setRouting(irqfd, 'second'));
  thread(() => setRouting(irqfd, 'third'));
};

/** Two change it at once, and nobody signals. */
export const writersAlone: Scenario = ({ thread, stays }) => {
  const irqfd = createIrqfd();
  stays(irqfd, irqfd.kvm);
  thread(() => setRouting(irqfd, 'second'));
  thread(() => setRouting(irqfd, 'third'));
};
