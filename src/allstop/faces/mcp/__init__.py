"""What agents are offered over the Model Context Protocol: report, ask, propose; nothing that lifts a halt or decides."""
