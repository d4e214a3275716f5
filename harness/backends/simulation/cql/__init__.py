"""CQL: a grammar, statements as values, and the plans of what they read and write.

A text is parsed (``parser``; what each rule of the grammar makes stands in ``term_rules`` and its like), prepared
against a catalog (``preparation``) and bound to values; the plan that comes of it (``write_plan``, ``read_plan``,
``schema_plan``) says what a coordinator has to do, and makes of what replicas answer the rows for the client. What the
grammar or a plan does not know is refused with the error code that a node would give (``request_error``); nothing is
accepted and passed over.
"""
