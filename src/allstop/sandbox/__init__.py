"""The demo fleet: a small shop of real processes, and four agents at work, with faults to inject.

Allstop acts on this world from outside, through the same doors it would use for any other fleet:
HTTP, git, process ids and a command line. Nothing in here imports the rest of Allstop, and nothing
is faked: a release is a git commit, an order is a row on disk, a stopped agent is a stopped process.

    file            holds
    shop/           the sources of the six services' releases, and the wire module they share
    layout          where everything lies inside a sandbox folder, and the record `sandbox.json`
    gitrepo         running git with a fixed identity and nobody's personal configuration
    history         what the payments team committed before, and the bad release
    build           makes a sandbox folder: release repositories, data, the agents' workspace
    processes       one child process: start, wait until it listens, stop, reap
    supervisor      `up`: starts the fleet, answers the control socket, injects faults
    control         `ctl` and its Python client (standard library only, starts fast)
    load            the load generator: buys all the time, keeps a ledger of acknowledged orders
    order_book      `check_order_book`: does every acknowledged order have its rows?
    agent           one agent: works, obeys its halt file (or does not), answers the roll call
    agent_work      what the agents write
    halt_file       reading the halt file, failing closed
    reaping         finding and ending what a killed demo left behind

Commands: `python -m allstop.sandbox up DIR` and `python -m allstop.sandbox ctl DIR VERB ...`.
"""
