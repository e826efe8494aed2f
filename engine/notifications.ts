/** What a node does when another node, or the journal, notifies it. */
import type { Notification } from '../journal/notifications.ts';
import type { Attempts } from './attempts/attempts.ts';
import type { DoorHandlers } from './door/handlers.ts';
import type { Observer } from './observer.ts';
import type { Runs } from './runs/runs.ts';

interface NotificationParts {
  readonly runs: Runs;
  readonly attempts: Attempts;
  readonly door: DoorHandlers;
  readonly observer: Observer | undefined;
}

export class NotificationHandler {
  readonly #parts: NotificationParts;

  constructor(parts: NotificationParts) {
    this.#parts = parts;
  }

  notified(notification: Notification): void {
    const { attempts, runs, observer } = this.#parts;
    observer?.notified(notification.about);
    switch (notification.about) {
      case 'slots':
        attempts.pools.ask();
        return;
      case 'deployed':
        runs.versions.forget(notification.workflow);
        void this.refreshPools();
        return;
      case 'pools':
        void this.refreshPools();
        return;
      case 'feed':
        runs.watchers.othersWrote();
        return;
      case 'resync':
        runs.versions.forgetAll();
        void this.refreshPools();
        attempts.pools.ask();
        runs.watchers.othersWrote();
        attempts.children.orphaned();
        return;
      case 'orphans':
        attempts.pools.ask();
        attempts.children.orphaned();
        void this.#claimErrands();
        return;
      case 'due':
    }
  }

  async refreshPools(): Promise<void> {
    const { attempts, observer } = this.#parts;
    try {
      await attempts.refreshPools();
    } catch (error) {
      // A database that cannot be asked now notifies `resync` when it is back.
      observer?.troubled('reading the capacities of pools', error);
    }
  }

  async #claimErrands(): Promise<void> {
    const { door, observer } = this.#parts;
    try {
      await door.claimErrands();
    } catch (error) {
      // Its node, or another, claims them with the next notification `orphans`.
      observer?.troubled('claiming bulk commands and retentions', error);
    }
  }
}
