"""Teams: passwords, credentials, and which votes are tied."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TIES = """
    WITH votes AS (
        SELECT a.project_id, a."row", a.annotator_id, MAX(a.id) AS id FROM annotations a
        WHERE a.action = 'label' AND NOT EXISTS (
            SELECT 1 FROM annotations u WHERE u.project_id = a.project_id AND u.undoes = a.id
        )
        GROUP BY a.project_id, a."row", a.annotator_id
    ), tally AS (
        SELECT v.project_id, v."row", c.root_id, COUNT(*) AS n FROM votes v
        JOIN annotations a ON a.project_id = v.project_id AND a.id = v.id
        JOIN classes c ON c.project_id = a.project_id AND c.id = a.class_id
        GROUP BY v.project_id, v."row", c.root_id
    ), most AS (
        SELECT project_id, "row", MAX(n) AS n FROM tally GROUP BY project_id, "row"
    ), tied AS (
        SELECT t.project_id, t."row" FROM tally t
        JOIN most m ON m.project_id = t.project_id AND m."row" = t."row" AND m.n = t.n
        GROUP BY t.project_id, t."row" HAVING COUNT(*) > 1
    )
    UPDATE truths SET tied = TRUE
    WHERE NOT adjudicated AND EXISTS (
        SELECT 1 FROM tied WHERE tied.project_id = truths.project_id AND tied."row" = truths."row"
    )
"""


def upgrade() -> None:
    op.add_column("annotators", sa.Column("password", sa.Text))
    op.add_column("annotators", sa.Column("left", TIME))
    op.create_table(
        "credentials",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("annotator_id", sa.Integer, sa.ForeignKey("annotators.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("created", TIME, nullable=False),
        sa.Column("expires", TIME, nullable=False),
        sa.Column("ended", TIME),
        sa.UniqueConstraint("project_id", "digest", name="credentials_digest"),
    )
    op.create_index("credentials_annotator", "credentials", ["annotator_id", "kind"])
    op.add_column("truths", sa.Column("tied", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(TIES)
