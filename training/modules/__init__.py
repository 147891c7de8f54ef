"""Networks and parts of networks that only training needs."""
