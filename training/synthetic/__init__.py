"""Made examples: handwritten sentences with slots, and sound sentences changed by
rule.
"""
