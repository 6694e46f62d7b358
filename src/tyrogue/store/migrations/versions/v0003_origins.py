"""A label keeps why its text was first asked about, also when it was corrected in review."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ORIGINS = """
    UPDATE truths SET kind = COALESCE((
        SELECT a.kind FROM annotations a
        WHERE a.project_id = truths.project_id AND a."row" = truths."row"
            AND a.kind <> 'review' AND a.action IN ('label', 'skip', 'flag') AND NOT EXISTS (
                SELECT 1 FROM annotations u WHERE u.project_id = a.project_id AND u.undoes = a.id
            )
        ORDER BY a.id LIMIT 1
    ), kind)
    WHERE annotation_id IS NOT NULL AND kind <> 'reference'
"""


def upgrade() -> None:
    op.execute(ORIGINS)
