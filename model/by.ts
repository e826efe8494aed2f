/** Who asks for something, and how it is known. */

export interface By {
  readonly actor: string;
  readonly reason?: string;
  /** The request or bulk command that it came with: a repeated one finds what it did by this. */
  readonly request?: string;
  /**
   * How the API knows the actor. `token`: whoever holds the token of a data folder names who acts;
   * `session`: a browser, under the name that its link was made for; `job`: a job of the run.
   */
  readonly through?: 'token' | 'session' | 'job';
}
