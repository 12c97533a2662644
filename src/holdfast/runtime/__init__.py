"""When it is done: loops without judgement. They wait, call a service, and wait again."""
