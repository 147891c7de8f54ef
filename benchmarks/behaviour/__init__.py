"""The behavioural suite: small cases with an expected order of scores, grouped by
capability. Run it with `-m`.
"""
