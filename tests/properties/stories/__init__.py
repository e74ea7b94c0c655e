"""Random stories: any protocol, fifty commands out of all the core has, on a clock that is not kind."""
